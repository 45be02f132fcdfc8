"""Classes of accelerators without kernels of their own, and releases that static batches alone tell of.

A class has factors on the constants of another card (data/timing.toml, `chip`) and, where no kernels of CUDA run, the
host of its runtime; a release of 2024 on cards with kernels has its host and its passes over memory. A trial stands in
the engine's own table while it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from .solving import Array, Constants, Fit, Prior, beside, folds, show_errors

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
RELEASE = {
    "step": Prior(0.7e-3, 1.0),
    "sequence": Prior(20e-6, 1.0),
    "elementwise_passes": Prior(1.4, 0.4),
    "attention_em": Prior(1.0, 0.15),
}
# Stacks that the package does not describe, by the engine and the release whose constants are theirs.
STANDS_FOR = {
    "Deepspeed": ("vLLM", "0.5.0"),
    "optimum-habana": ("vLLM", "0.9.0"),
    "transformers-neuronx": ("vLLM", "0.9.0"),
    "JetStream PyTorch": ("vLLM", "0.9.0"),
}
# Releases of tables that name none, or a month.
MADE = {("argonne-lcf", "TensorRT-LLM"): "0.10.0", ("argonne-lcf", "vLLM"): "0.5.0", ("dstackai", "vLLM"): "0.6.4"}
SERVED = {"vllm": "0.8", "tensorrt_llm": "1.0"}
"""Releases from which on served runs tell an engine's constants: static batches are scored alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Runs on a class of accelerators, or under a release, that share constants."""

    name: str
    groups: tuple[Group, ...]
    priors: Mapping[str, Prior]
    change: Callable[[Deployment, Constants], Deployment]
    stands: Constants

    def fit(self) -> Fit:
        def errors(constants: Constants) -> Array:
            return np.concatenate([group.errors(self.change(group.deployment, constants)) for group in self.groups])

        return Fit(errors=errors, priors=self.priors, usual=USUAL, weight=self._weights())

    def _weights(self) -> Array:
        rows: dict[str, int] = {}
        for group in self.groups:
            rows[_pair(group)] = rows.get(_pair(group), 0) + len(group.values)
        return np.concatenate(
            [np.full(len(group.values), min(1.0, MOST / rows[_pair(group)]) ** 0.5) for group in self.groups]
        )


def _pair(group: Group) -> str:
    return f"{group.system} {group.model}"


def families(reference: Path, thin: int) -> list[Family]:
    models, found = EachTime(models_of(reference / "configs").configs), []
    for name in ("throughput_measured.csv", "datacentre_measured.csv"):
        rows = [row for row in read(reference / name).rows if row.text("flag") is None]
        for row in rows[::thin]:
            if row.text("engine") != "llama.cpp":
                found += values_of(_as_described(row), models, tables_kind)
    by_name: dict[str, list[Group]] = {}
    for group in grouped(found):
        by_name.setdefault(_family_of(group), []).append(group)
    return [_made(name, groups) for name, groups in sorted(by_name.items())]


def _as_described(row: Row) -> Row:
    """The row under an engine and a release that are described."""
    engine, source = row.text("engine") or "", row.text("source") or ""
    cells = dict(row.cells)
    if engine in STANDS_FOR:
        cells["engine"], cells["engine_version"] = STANDS_FOR[engine]
    for (begins, name), version in MADE.items():
        if source.startswith(begins) and engine == name:
            cells["engine_version"] = version
    return replace(row, cells=cells)


def _family_of(group: Group) -> str:
    """The class, or of a card with kernels (its own, a sister's, or none) the engine's release."""
    machine = machine_of(group.deployment)
    return machine.kind or f"{group.deployment.engine.name} of {table_of(group.deployment.engine)}"


def _made(name: str, groups: Sequence[Group]) -> Family:
    facts = table("timing")["chip"]
    if name not in facts:
        engine: Any = groups[0].deployment.engine
        since = SERVED.get(engine.kin)
        if since is None or release_of(engine.version) >= release_of(since):
            return Family(name, tuple(groups), {}, lambda deployment, _: deployment, {})
        stands = {one: getattr(engine.host if one in HOST else engine.kernels, one) for one in RELEASE}
        return Family(name, tuple(groups), RELEASE, _of_release, stands)
    own: Mapping[str, Any] = facts[name]
    mixes = any(
        group.deployment.architecture.active_parameter_count < group.deployment.architecture.parameter_count
        for group in groups
    )
    priors, stands = {}, {}
    for factor, value in own.items():
        for part, number in value.items() if isinstance(value, Mapping) else ((None, value),):
            key = factor if part is None else f"{factor}.{part}"
            if (part or factor) in FACTORS and (factor != "experts" or mixes):
                priors[key], stands[key] = FACTORS[part or factor], number
    for group in groups:
        if group.deployment.engine.device.runtime != "cuda":
            for part, prior in HOST.items():
                key = f"{part} of {table_of(group.deployment.engine)}"
                priors[key], stands[key] = prior, getattr(group.deployment.engine.host, part)

    def change(deployment: Deployment, constants: Constants) -> Deployment:
        trial: dict[str, Any] = dict(own)
        for key, value in constants.items():
            factor, _, part = key.partition(".")
            if factor in own:
                trial[factor] = {**own[factor], part: value} if part else value
        facts[name] = trial
        made: Any = deployment.engine
        release = table_of(made)
        given = {part: constants[key] for part in HOST if (key := f"{part} of {release}") in constants}
        # machines are known by their engine: a new one is made of the trial, and kept before the table is put back
        changed = replace(deployment, engine=replace(made, host=replace(made.host, **given)))
        machine_of(changed)
        facts[name] = own
        return changed

    return Family(name, tuple(groups), priors, change, stands)


def _of_release(deployment: Deployment, constants: Constants) -> Deployment:
    engine: Any = deployment.engine
    host = {name: value for name, value in constants.items() if name in HOST}
    kernels = {name: value for name, value in constants.items() if name not in HOST}
    changed = replace(engine, host=replace(engine.host, **host), kernels=replace(engine.kernels, **kernels))
    return replace(deployment, engine=changed)


def run(reference: Path, *, cross_validate: Sequence[str], quick: bool) -> None:
    """Fit every class and release, and print constants and errors."""
    thin, turns = (10, 3) if quick else (1, 20)
    before: dict[str, list[Array]] = {}
    after: dict[str, list[Array]] = {}
    scored: dict[str, dict[str, list[Array]]] = {by: {} for by in cross_validate if by in LEFT_OUT}
    for family in families(reference, thin):
        fit = family.fit()
        constants = fit.solved(turns=turns, step=1e-3)
        if constants:
            print(f"\nclasses, {family.name}: {beside(constants, family.stands)}", flush=True)
        prompts = np.concatenate([np.full(len(group.values), group.what == "prefill") for group in family.groups])
        columns = [(before, np.concatenate([group.ratio for group in family.groups]))]
        columns.append((after, np.exp(-fit.errors(constants))))
        derivative = fit.derivative(constants) if scored and constants else np.empty(0)
        columns += [(ratios, _left_out(family, fit, constants, derivative, by)) for by, ratios in scored.items()]
        for column, ratio in columns:
            for phase, chosen in (("", ~prompts), (", prefill", prompts)):
                if chosen.any():
                    column[f"{family.name}{phase}"] = [ratio[chosen]]
    show_errors("classes, as the tables are", before)
    show_errors("classes, fitted", after)
    for by, ratios in scored.items():
        show_errors(f"classes, left out by {by}", ratios)


def _left_out(family: Family, fit: Fit, constants: Constants, derivative: Array, by: str) -> Array:
    """Measured over estimated by constants that know nothing of a row's model, accelerator, or both."""
    named = {"system": lambda group: group.system, "model": lambda group: group.model, "group": _pair}[by]
    names = [named(group) for group in family.groups for _ in group.values]
    ratio = np.full(len(names), np.nan)
    if not constants:
        return np.exp(-fit.errors(constants))
    for rows in folds(names).values():
        if len(rows) < len(names):
            ratio[rows] = np.exp(-fit.errors(fit.without(rows, constants, derivative)))[rows]
    return ratio
