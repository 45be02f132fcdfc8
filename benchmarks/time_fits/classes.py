"""Classes of accelerators without kernels of their own, and releases that static batches alone tell of.

A class has factors on the constants of another card (data/timing.toml, `chip`) and, where no kernels of CUDA run, the
host of its runtime; a release of 2024 on cards with kernels has its host and its passes over memory. A trial stands in
the engine's own table while it is tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines.releases import release_of
from llm_memory_calculator.facts import table
from llm_memory_calculator.performance.machine import machine_of
from llm_memory_calculator.validation.models import models_of
from llm_memory_calculator.validation.reading import Row, read
from llm_memory_calculator.validation.tables import tables_kind

from .runs import EachTime, Group, grouped, table_of, values_of
from .solving import Array, Constants, Fit, Prior, folds, show_constants, show_errors

USUAL = 0.1
LEFT_OUT = ("group", "model", "system")
MOST = 12
"""Rows of an accelerator with a model that count in full: many sweeps tell little more than one."""
FACTORS = {
    "rate": Prior(1.0, 0.5),
    "bandwidth": Prior(1.0, 0.3),
    "attention_bandwidth": Prior(1.0, 0.3),
    "experts": Prior(1.0, 0.5),
    "launch": Prior(1.0, 1.0),
}
HOST = {"step": Prior(0.5e-3, 1.0), "sequence": Prior(15e-6, 1.0)}
KERNELS = {"elementwise_passes": Prior(1.4, 0.4), "attention_em": Prior(1.0, 0.15)}
"""Of releases that static batches alone tell of, on cards with kernels."""
# Stacks that tell a class of accelerators what vLLM has not been measured to do there, by the release that takes it.
STANDS_FOR = {
    "Deepspeed": ("vLLM", "0.5.0"),
    "optimum-habana": ("vLLM", "0.9.0"),
    "transformers-neuronx": ("vLLM", "0.9.0"),
    "JetStream PyTorch": ("vLLM", "0.9.0"),
}
# Releases of tables that name none, or a month.
MADE = {("argonne-lcf", "TensorRT-LLM"): "0.10.0", ("argonne-lcf", "vLLM"): "0.5.0", ("dstackai", "vLLM"): "0.6.4"}
# Cards whose runs compiled while they were timed.
SPOILT = {"PVC-Max1550"}
# Cards that the file counts whole, and the catalogue as the devices that they are made of.
MADE_OF = {"MI250": 2}
SERVED = {"vllm": "0.8", "tensorrt_llm": "1.0"}
"""Releases from which on served runs tell an engine's constants: static batches are scored alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Runs on a class of accelerators, or under a release, that share constants."""

    name: str
    groups: tuple[Group, ...]
    priors: Mapping[str, Prior]
    """By name: a factor of the class (`rate`, or `nvfp4.rate` for one format), of the engine (`elementwise_passes`), or
    of the host under a release (`step of 0.1`)."""

    def fit(self) -> Fit:
        def errors(constants: Constants) -> Array:
            return np.concatenate([group.errors(self.changed(group.deployment, constants)) for group in self.groups])

        return Fit(errors=errors, priors=self.priors, usual=USUAL, weight=self._weights())

    def _weights(self) -> Array:
        rows: dict[str, int] = {}
        for group in self.groups:
            rows[_pair(group)] = rows.get(_pair(group), 0) + len(group.values)
        return np.concatenate(
            [np.full(len(group.values), min(1.0, MOST / rows[_pair(group)]) ** 0.5) for group in self.groups]
        )

    def changed(self, deployment: Deployment, constants: Constants) -> Deployment:
        """The same with constants in place of those of the tables."""
        engine: Any = deployment.engine
        release = table_of(engine)
        host = {part: constants[key] for part in HOST if (key := f"{part} of {release}") in constants}
        kernels = {name: constants[name] for name in KERNELS if name in constants}
        made = replace(engine, host=replace(engine.host, **host), kernels=replace(engine.kernels, **kernels))
        found, chips = replace(deployment, engine=made), table("timing")["chip"]
        if self.name in chips:
            before = chips[self.name]
            chips[self.name] = _trial(before, constants)
            # a machine is known by its engine: this one is made of the trial before the table is put back
            machine_of(found)
            chips[self.name] = before
        return found

    def stands(self) -> Constants:
        """The tables' constants under the names of the fit."""
        chip, found = table("timing")["chip"].get(self.name, {}), dict[str, float]()
        engines: dict[str, Any] = {table_of(group.deployment.engine): group.deployment.engine for group in self.groups}
        for name in self.priors:
            part, _, rest = name.partition(".")
            word, of, release = name.partition(" of ")
            if of:
                found[name] = getattr(engines[release].host, word)
            elif name in KERNELS:
                found[name] = getattr(next(iter(engines.values())).kernels, name)
            else:
                found[name] = chip[part][rest] if rest else chip[part]
        return found


def _trial(chip: Mapping[str, Any], constants: Constants) -> dict[str, Any]:
    """A class's factors with those of a trial in their place."""
    found: dict[str, Any] = dict(chip)
    for name, value in constants.items():
        factor, _, part = name.partition(".")
        if part and factor in chip:
            found[factor] = {**found[factor], part: value}
        elif factor in chip:
            found[factor] = value
    return found


def _pair(group: Group) -> str:
    return f"{group.system} {group.model}"


def families(reference: Path, thin: int) -> list[Family]:
    models, found = EachTime(models_of(reference / "configs").configs), []
    for name in ("throughput_measured.csv", "datacentre_measured.csv"):
        rows = [row for row in read(reference / name).rows if row.text("flag") is None]
        for row in rows[::thin]:
            if row.text("engine") != "llama.cpp" and row.text("gpu") not in SPOILT:
                values = values_of(_as_described(row), models, tables_kind)
                found += [one for one in values if not (one[1].served and one[1].what == "prefill")]
    by_name: dict[str, list[Group]] = {}
    for group in grouped(found):
        by_name.setdefault(_family_of(group), []).append(group)
    return [Family(name, tuple(groups), _priors(name, groups)) for name, groups in sorted(by_name.items())]


def _as_described(row: Row) -> Row:
    """The row under an engine, a release and as many devices as are described."""
    engine, source = row.text("engine") or "", row.text("source") or ""
    cells = dict(row.cells)
    if engine in STANDS_FOR:
        cells["engine"], cells["engine_version"] = STANDS_FOR[engine]
    for (begins, name), version in MADE.items():
        if source.startswith(begins) and engine == name:
            cells["engine_version"] = version
    for column in ("n_gpu", "tp"):
        if (devices := row.whole(column)) is not None:
            cells[column] = str(devices * MADE_OF.get(cells["gpu"], 1))
    return replace(row, cells=cells)


def _family_of(group: Group) -> str:
    """The class, or of a card with kernels (its own, a sister's, or none) the engine's release."""
    machine = machine_of(group.deployment)
    return machine.kind or f"{group.deployment.engine.name} of {table_of(group.deployment.engine)}"


def _priors(name: str, groups: Sequence[Group]) -> dict[str, Prior]:
    """Of a class the factors that the table has; of the host what no served run tells."""
    chips: Mapping[str, Mapping[str, Any]] = table("timing")["chip"]
    is_class, chip, found = name in chips, chips.get(name, {}), dict[str, Prior]()
    for factor, value in chip.items():
        if isinstance(value, Mapping):
            found |= {f"{factor}.{part}": FACTORS[part] for part in value}
        elif factor in FACTORS and (factor != "experts" or any(map(_mixes, groups))):
            found[factor] = FACTORS[factor]
    for group in groups:
        engine = group.deployment.engine
        told = release_of(engine.version) >= release_of(SERVED[engine.kin]) if engine.kin in SERVED else True
        if engine.device.runtime != "cuda" or not (told or is_class):
            found |= {f"{part} of {table_of(engine)}": prior for part, prior in HOST.items()}
            if not is_class:
                found |= KERNELS
    return found


def _mixes(group: Group) -> bool:
    architecture = group.deployment.architecture
    return architecture.active_parameter_count < architecture.parameter_count


def run(reference: Path, *, cross_validate: Sequence[str], quick: bool) -> None:
    """Fit every class and release, and print constants and errors."""
    thin, turns = (10, 3) if quick else (1, 10)
    for family in families(reference, thin):
        fit = family.fit()
        constants = fit.solved(turns=turns, step=1e-3)
        show_constants(f"classes, {family.name}", constants, family.stands())
        prompts = np.concatenate([np.full(len(group.values), group.what == "prefill") for group in family.groups])
        ratios = {"as the tables are": np.concatenate([group.ratio for group in family.groups])}
        if constants:
            ratios["fitted"] = np.exp(-fit.errors(constants))
            left_out = [by for by in cross_validate if by in LEFT_OUT]
            derivative = fit.derivative(constants) if left_out else np.empty(0)
            ratios |= {f"left out by {by}": _left_out(family, fit, constants, derivative, by) for by in left_out}
        for phase, chosen in (("whole runs and decode", ~prompts), ("prefill", prompts)):
            if chosen.any():
                errors = {name: [ratio[chosen]] for name, ratio in ratios.items()}
                show_errors(f"classes, {family.name}, {phase}", errors)


def _left_out(family: Family, fit: Fit, constants: Constants, derivative: Array, by: str) -> Array:
    """Measured over estimated by constants that know nothing of a row's model, accelerator, or both."""
    named = {"system": lambda group: group.system, "model": lambda group: group.model, "group": _pair}[by]
    names = [named(group) for group in family.groups for _ in group.values]
    ratio = np.full(len(names), np.nan)
    for rows in folds(names).values():
        if len(rows) < len(names):
            ratio[rows] = np.exp(-fit.errors(fit.without(rows, constants, derivative)))[rows]
    return ratio
