"""Local engines, fitted to whole runs by backend: what of the bandwidth and of the peaks they reach, and launches.

Builds of llama.cpp before June 2024 are families of their own. A device's rows weigh less the more there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import HostCost, LocalCost, backends_of
from llm_memory_calculator.engines.releases import release_of
from llm_memory_calculator.facts import table
from llm_memory_calculator.performance.local import class_of
from llm_memory_calculator.validation.local_runs import local_kind
from llm_memory_calculator.validation.models import models_of
from llm_memory_calculator.validation.reading import Row, read

from .runs import EachTime, Group, Value, grouped, values_of
from .solving import SHARES, Array, Constants, Fit, Prior, folds, show_constants, show_errors

# What is wrong with a row as a whole; a limit of power spoils prompts alone.
SPOILT = {"mixed", "unclear"}
# Notes of rows that tell of more than they time: short answers with their prompt, other models, warm-up.
DOUBTFUL = re.compile(r"incl\. its prompt|not the model|first run|prefill several times below|few threads|Windows")
# Devices on which nothing that is fitted binds: too few rows, or kernels that others do not have.
ODD = {("rocm", "RX_570"), ("cuda", "JETSON_AGX_ORIN_64GB"), ("cuda", "V100_PCIE_32GB")}
SHORTEST = 128
"""Tokens of the shortest prompt that is fitted: shorter ones are launches."""
USUAL = 0.1
LEFT_OUT = ("group", "model", "system")
OLD, OLD_BUILD = release_of("b3000"), "b2900"

HOST = {
    "operator": Prior(7e-6, 0.4),
    "operator_prefill": Prior(10e-6, 0.5),
    "experts": Prior(50e-6, 0.5),
    "recurrence": Prior(60e-6, 0.5),
    "step": Prior(2e-4, 0.4),
}
READS = {
    "reads.16": Prior(0.9, 0.1, 1.0),
    "reads.bf16": Prior(0.85, 0.2, 1.0),
    "reads.8": Prior(0.9, 0.1, 1.0),
    "reads.4": Prior(0.87, 0.1, 1.0),
    "reads.3": Prior(0.8, 0.15, 1.0),
    "reads.iq": Prior(0.8, 0.15, 1.0),
}
UNPACKS = {
    "unpacks.16": Prior(4.0, 0.7),
    "unpacks.8": Prior(6.0, 0.7),
    "unpacks.4": Prior(10.0, 0.7),
    "unpacks.3": Prior(14.0, 0.7),
    "unpacks.iq": Prior(14.0, 0.7),
}
# AMD counts two operations a lane and cycle in its fp32 peaks, which unpacking does not reach.
UNPACKS_OF_AMD = {
    "unpacks.16": Prior(6.0, 0.4),
    "unpacks.8": Prior(9.0, 0.4),
    "unpacks.4": Prior(25.0, 0.5),
    "unpacks.3": Prior(30.0, 0.4),
    "unpacks.iq": Prior(30.0, 0.4),
}
PASSES = {
    "cache": Prior(0.7, 0.25, 1.0),
    "share.any": Prior(0.5, 0.4, 1.0),
    "vector": Prior(0.1, 1.0, 1.0),
    "tile": Prior(0.3, 0.7, 1.0),
    "experts_share": Prior(0.6, 0.3, 1.0),
    "experts_pad": Prior(8.0, 0.4),
    "attention_share": Prior(0.3, 0.4, 1.0),
    "pass_reads": Prior(1.2, 0.2, least=1.0),
}
CHIP = {
    "chip.bandwidth": Prior(0.8, 0.3, 1.0),
    "chip.rate": Prior(0.7, 0.3),
    "chip.launches": Prior(1.8, 0.5, least=1.0),
    "ollama.launches": Prior(1.3, 0.3, least=1.0),
}
"""Factors of the chips that the table has rows of, and of Ollama."""
ACTIVATIONS = {"activations": Prior(1.0, 0.6)}
APPLE = HOST | READS | PASSES | CHIP | {"share.any": Prior(0.8, 0.15, 1.0), "experts_share": Prior(0.8, 0.15, 1.0)}
OLDER = {
    "share.16": Prior(0.5, 0.4, 1.0),
    "attention_share": Prior(0.1, 0.5, 1.0),
    "cache": Prior(0.5, 0.5, 1.0),
    "operator": Prior(10e-6, 0.5),
}
CUDA = HOST | READS | UNPACKS | PASSES | ACTIVATIONS | CHIP | {"attention": Prior(1.0, 0.7)}
AMD = (
    HOST | READS | UNPACKS_OF_AMD | PASSES | {"activations": Prior(5.0, 0.4), "share.bf16": Prior(0.2, 0.4, 1.0)} | CHIP
)
CPU = {
    "operator": HOST["operator"],
    "reads.4": Prior(0.65, 0.2, 1.0),
    "cache": Prior(0.5, 0.3, 1.0),
    "share.any": Prior(0.4, 0.4, 1.0),
    "share.q4_0": Prior(0.7, 0.4, 1.0),
    "share.iq": Prior(0.2, 0.4, 1.0),
    "experts_share": Prior(0.7, 0.3, 1.0),
    "attention_share": Prior(0.3, 0.5, 1.0),
}
PRIORS: Mapping[str, Mapping[str, Prior]] = {
    "cuda": CUDA | {"share.8": Prior(0.45, 0.3, 1.0)},
    "cuda of 2024": CUDA | OLDER | {"unpacks.16": Prior(20.0, 0.7), "expands": Prior(5.0, 0.4)},
    "metal": APPLE | {"attention": Prior(3.0, 0.7)},
    "metal of 2024": APPLE | OLDER | {"attention": Prior(3.0, 0.7), "attention_share": Prior(0.3, 0.4, 1.0)},
    "mlx": APPLE,
    "rocm": AMD,
    "vulkan": AMD,
    "vulkan_nvidia": HOST | READS | UNPACKS | PASSES | ACTIVATIONS,
    "cpu": CPU,
    "exllama": {
        "operator": HOST["operator"],
        "reads.4": Prior(0.6, 0.4, 1.0),
        "unpacks.4": UNPACKS["unpacks.4"],
        "share.any": PASSES["share.any"],
        "cache": PASSES["cache"],
    },
}
"""By family, the constants that its rows tell something of; the others stay as the tables have them."""
OF_PROMPTS = {
    *("operator_prefill", "experts_share", "experts_pad", "attention_share", "pass_reads", "activations", "expands"),
    *("chip.rate", "share.any", "share.8", "share.16", "share.bf16", "share.q4_0", "share.iq"),
}
"""Constants that prompts tell; all others are told by decode."""
# What a constant stands for beside its own class, where no row tells of that; the last that is named here is taken.
ALSO = {
    "reads.4": ("16", "bf16", "8", "3", "iq"),
    "reads.16": ("bf16",),
    "reads.3": ("iq",),
    "unpacks.4": ("3", "iq"),
    "share.q4_0": ("q4_1", "q8_0", "iq4_nl", "16", "bf16"),
    "share.16": ("bf16",),
    "unpacks.16": ("bf16",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Runs of one phase that share constants."""

    name: str
    phase: str
    groups: tuple[Group, ...]
    operator: float
    """Seconds of an operator's launch in the table, without the factors of chips."""
    priors: Mapping[str, Prior]

    def fit(self, held: Constants) -> Fit:
        """held: constants of the other phase."""

        def errors(constants: Constants) -> Array:
            told = held | constants
            return np.concatenate([group.errors(self.changed(group.deployment, told)) for group in self.groups])

        return Fit(errors=errors, priors=self.priors, usual=USUAL, weight=self._weights())

    def _weights(self) -> Array:
        """A device weighs as the fourth root of its rows."""
        rows: dict[str, int] = {}
        for group in self.groups:
            rows[group.system] = rows.get(group.system, 0) + len(group.values)
        found = np.concatenate([np.full(len(group.values), rows[group.system] ** -0.75) for group in self.groups])
        weights: Array = np.sqrt(found / found.mean())
        return weights

    def changed(self, deployment: Deployment, constants: Constants) -> Deployment:
        """The same with its engine's constants in place of those of the table."""
        engine: Any = deployment.engine
        local, host = engine.kernels.local, engine.host
        told = {name: value for name, value in constants.items() if "." not in name}
        of_host = {name: value for name, value in told.items() if name in _OF_HOST}
        of_local: dict[str, Any] = {name: value for name, value in told.items() if name not in _OF_HOST}
        for part in ("reads", "unpacks", "share"):
            of_local[part] = {**getattr(local, part), **_by_class(part, constants)}
        for part in ("bandwidth", "rate"):
            if getattr(local, part) != 1:
                of_local[part] = constants.get(f"chip.{part}", getattr(local, part))
        # the table's launches hold the factors already, and a trial's do not
        of_chip, of_ollama = self.launches(deployment)
        slower = constants.get("chip.launches", of_chip) if of_chip != 1 else 1.0
        slower *= constants.get("ollama.launches", of_ollama) if of_ollama != 1 else 1.0
        launched = replace(host.slower(1 / (of_chip * of_ollama)), **of_host).slower(slower)
        kernels = replace(engine.kernels, local=replace(local, **of_local))
        return replace(deployment, engine=replace(engine, host=launched, kernels=kernels))

    def launches(self, deployment: Deployment) -> tuple[float, float]:
        """The factors that the tables have on launches: of the chip, and of Ollama."""
        engine: Any = deployment.engine
        of_ollama = 1.0
        if engine.name == "ollama":
            of_ollama = table("times/ollama")["launches"].get(engine.device.runtime, 1.0)
        of_chip = engine.host.operator / self.operator / of_ollama
        return (of_chip if of_chip > 1.01 else 1.0), of_ollama

    def told(self) -> Family:
        """The same without the constants that no row tells of."""
        schemes = [group.deployment.formats.scheme for group in self.groups]
        # mixes have tensors of 8 and of 4 bits whatever their names say
        bits = {class_of(scheme.quantized or scheme.plain) for scheme in schemes} | {"8", "4"}
        mixes = any(_mixes(group.deployment) for group in self.groups)
        several = any(value.sequences > 1 for group in self.groups for value in group.values)
        local = [_local(group.deployment) for group in self.groups]
        launches = [self.launches(group.deployment) for group in self.groups]
        told = {
            **dict.fromkeys(("experts", "experts_share", "experts_pad"), mixes),
            **dict.fromkeys(("vector", "tile"), several),
            "chip.bandwidth": any(one.bandwidth != 1 for one in local),
            "chip.rate": any(one.rate != 1 for one in local),
            "chip.launches": any(chip != 1 for chip, _ in launches),
            "ollama.launches": any(ollama != 1 for _, ollama in launches),
        }
        for name in self.priors:
            part, _, rest = name.partition(".")
            if part in ("reads", "unpacks"):
                told[name] = rest in bits
        return replace(self, priors={name: prior for name, prior in self.priors.items() if told.get(name, True)})

    def stands(self) -> Constants:
        """The table's constants under the names of the fit, without the factors of chips."""
        deployments = [group.deployment for group in self.groups]
        plain = next((one for one in deployments if self.launches(one) == (1.0, 1.0)), deployments[0])
        host: Any = plain.engine.host
        found: Constants = {
            "ollama.launches": max(self.launches(one)[1] for one in deployments),
            "chip.launches": max(self.launches(one)[0] for one in deployments),
            "chip.bandwidth": min(_local(one).bandwidth for one in deployments),
            "chip.rate": min(_local(one).rate for one in deployments),
        }
        for name in self.priors.keys() - found.keys():
            part, _, rest = name.partition(".")
            if not rest:
                found[name] = getattr(host if name in _OF_HOST else _local(plain), name)
            elif rest in getattr(_local(plain), part):
                found[name] = getattr(_local(plain), part)[rest]
        return found


_OF_HOST = frozenset(one.name for one in fields(HostCost))


def _local(deployment: Deployment) -> LocalCost:
    found = deployment.engine.kernels.local
    assert found is not None
    return found


def _by_class(part: str, constants: Constants) -> Constants:
    """Of reads, unpacks or share: a constant by class of bits or format, with what it stands for."""
    found: Constants = {}
    for name, others in ALSO.items():
        if name in constants and name.startswith(f"{part}."):
            found |= dict.fromkeys(others, constants[name])
    own = {name.partition(".")[2]: value for name, value in constants.items() if name.startswith(f"{part}.")}
    return found | own


def family_of(deployment: Deployment) -> str:
    """The table that its constants are in; builds of llama.cpp before June 2024 apart."""
    engine = deployment.engine
    if engine.name in ("mlx", "exllama"):
        return engine.name
    backends = backends_of(engine.name, engine.device)
    found = backends.get(str(engine.given.get("backend", ""))) or next(iter(backends.values()))
    old = engine.name == "llama_cpp" and release_of(engine.version) < OLD
    return f"{found} of 2024" if old else found


def families(reference: Path, thin: int) -> list[Family]:
    models = EachTime(models_of(reference / "configs").configs)
    found = []
    for row in read(reference / "local_measured.csv").rows[::thin]:
        found += [one for one in _values(row, models) if one[0].engine.kernels.local is not None]
    by_name: dict[str, list[Group]] = {}
    for group in grouped(found):
        by_name.setdefault(family_of(group.deployment), []).append(group)
    made = []
    for name, priors in PRIORS.items():
        some = by_name.get(name, [])
        operator = min((group.deployment.engine.host.operator for group in some), default=0.0)
        for phase in ("decode", "prefill"):
            groups = tuple(group for group in some if (group.what == "prefill") == (phase == "prefill"))
            of_phase = {key: prior for key, prior in priors.items() if (key in OF_PROMPTS) == (phase == "prefill")}
            if groups:
                made.append(Family(name, phase, groups, operator, of_phase).told())
    return made


def _values(row: Row, models: EachTime) -> list[tuple[Deployment, Value]]:
    flag, note, backend = row.text("flag"), row.text("note") or "", row.text("backend") or ""
    engine, model = row.text("engine"), row.text("model") or ""
    hidden = engine == "mlx-vlm" or ("whole response" in note and "gpt-oss" in model)
    if flag in SPOILT or hidden or DOUBTFUL.search(note) or (backend, row.text("hardware_name")) in ODD:
        return []
    settings = {"backend": backend} if engine == "llama.cpp" and backend in ("vulkan", "rocm", "cuda") else None
    if flag == "old":
        # their sources say a month, and builds have numbers
        row = replace(row, cells={**row.cells, "engine_version": OLD_BUILD})
    found = values_of(row, models, local_kind, settings)
    kept = []
    for deployment, value in found:
        prompts = value.what == "prefill"
        # sequences of a benchmark repeat one prompt, and share experts as strangers do not
        alike = value.sequences > 1 and _mixes(deployment) and not prompts
        if not (alike or (prompts and (value.tokens < SHORTEST or flag == "thermal"))):
            kept.append((deployment, value))
    return kept


def _mixes(deployment: Deployment) -> bool:
    architecture = deployment.architecture
    return architecture.active_parameter_count < architecture.parameter_count


def run(reference: Path, *, cross_validate: Sequence[str], quick: bool) -> None:
    """Fit every family, decode first and prompts while that is held, and print constants and errors."""
    thin, turns = (20, 3) if quick else (1, 8)
    found: dict[str, Constants] = {}
    for family in families(reference, thin):
        held = found.get(family.name, {})
        fit = family.fit(held)
        constants = fit.solved(turns=turns, step=1e-3)
        found[family.name] = held | constants
        show_constants(f"local, {family.name}, {family.phase}", constants, family.stands())
        errors = {
            "as the tables are": [group.ratio for group in family.groups],
            "fitted": [np.exp(-fit.errors(constants))],
        }
        left_out = [by for by in cross_validate if by in LEFT_OUT]
        derivative = fit.derivative(constants) if left_out else np.empty(0)
        errors |= {f"left out by {by}": [_left_out(family, fit, constants, derivative, by)] for by in left_out}
        show_errors(f"local, {family.name}, {family.phase}", errors)


def _left_out(family: Family, fit: Fit, constants: Constants, derivative: Array, by: str) -> Array:
    """Measured over estimated by constants that know nothing of a row's device, of its model, or of its share."""
    names = [_left(group, by) for group in family.groups for _ in group.values]
    ratio = np.full(len(names), np.nan)
    for rows in folds(names, SHARES if by == "group" else None).values():
        if len(rows) < len(names):
            ratio[rows] = np.exp(-fit.errors(fit.without(rows, constants, derivative)))[rows]
    return ratio


def _left(group: Group, by: str) -> str:
    return {"system": group.system, "model": group.model, "group": f"{group.system} {group.model}"}[by]
