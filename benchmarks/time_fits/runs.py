"""Whole runs of a measured file as the package is asked for them: static batches, loops of users, saturated tables.

What a run asks is read by the package's own validation. A trial is timed by the phases of the batch that a run comes to
(`prefill_time`, `decode_time`), over all runs of a deployment at once, and what the full estimate comes to beside these
is carried along as a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from llm_memory_calculator.api import estimate_performance
from llm_memory_calculator.arguments import EstimatePerformance
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import Engine
from llm_memory_calculator.engines.releases import release_of
from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.facts import table
from llm_memory_calculator.models import Model
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.question import come_load, deployed_as_given, named
from llm_memory_calculator.report import EndToEndReport
from llm_memory_calculator.validation.kinds import Kind
from llm_memory_calculator.validation.models import Models
from llm_memory_calculator.validation.reading import Row
from llm_memory_calculator.validation.timed import Times

from .solving import Array

What = Literal["prefill", "decode", "whole"]
_PARTS = ("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel")
_WHAT: Mapping[str, What] = {
    "prefill_tokens_per_s": "prefill",
    "ttft_ms": "prefill",
    "decode_tokens_per_s": "decode",
    "tpot_ms": "decode",
    "output_tokens_per_s": "whole",
    "e2e_ms": "whole",
}


def table_of(engine: Engine) -> str:
    """The release whose table of times an engine's release is in."""
    releases = [entry["from"] for entry in table(f"times/{engine.kin}")["version"]]
    begun = [release for release in releases if release_of(release) <= release_of(engine.version)]
    found: str = max(begun or releases, key=release_of)
    return found


def deployment_of(model: Model, asked: Mapping[str, Any]) -> tuple[Deployment, Load]:
    """What a question asks, in the layout that it gives."""
    stated: Any = EstimatePerformance(model=model, **asked)
    load = come_load(stated)
    accelerator, devices = named(stated.hardware, stated.devices)
    deployment = deployed_as_given(stated, model, accelerator, devices)
    assert deployment is not None
    return deployment, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A measured time of a run."""

    model: str
    what: What
    sequences: float
    tokens: float
    output: float
    depth: float
    ratio: float
    """Measured over estimated by the tables as they are."""
    served: bool
    """Whether requests come and go: a time to the first token then holds their queue."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Measured times of one phase on one deployment."""

    deployment: Deployment
    what: What
    values: tuple[Value, ...]
    before: Any = field(init=False)
    """Seconds by the tables as they are."""
    ratio: Array = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", self.seconds(self.deployment))
        object.__setattr__(self, "ratio", np.array([value.ratio for value in self.values]))

    @property
    def system(self) -> str:
        assert self.deployment.accelerator is not None
        return self.deployment.accelerator.name

    @property
    def model(self) -> str:
        return self.values[0].model

    def of(self, number: Callable[[Value], float]) -> Any:
        """A number of all values; of one value alone a plain one, which formulas take several times faster."""
        found = [number(value) for value in self.values]
        return found[0] if len(found) == 1 else np.array(found)

    def seconds(self, deployment: Deployment) -> Any:
        """Of each value on a deployment like this one."""
        load = Load(
            sequences=self.of(lambda value: value.sequences),
            tokens=self.of(lambda value: value.tokens),
            output=self.of(lambda value: value.output),
            depth=self.of(lambda value: value.depth),
        )
        if self.what == "decode":
            return decode_time(deployment, load).total
        first = prefill_time(deployment, load).total
        if self.what == "prefill":
            return first
        return first + (load.output - 1) * decode_time(deployment, load).total

    def errors(self, deployment: Deployment) -> Array:
        """Logarithms of estimated over measured."""
        return np.log(self.seconds(deployment) / self.before * np.ones(len(self.ratio)) / self.ratio)


@dataclass(slots=True)
class Asked:
    """Stands for `estimate_performance`, and keeps what it was asked and what it said."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """The engine's, which the row says and its question does not."""
    found: list[tuple[Deployment, Load, EndToEndReport]] = field(default_factory=list)

    def __call__(self, model: Model, **asked: Any) -> EndToEndReport:
        if self.settings:
            asked["engine_settings"] = {**(asked.get("engine_settings") or {}), **self.settings}
        report = estimate_performance(model, **asked)
        layout = {part: getattr(report, part) for part in _PARTS}
        deployment, load = deployment_of(model, {**asked, **layout, "devices": None})
        self.found.append((deployment, load, report))
        return report


class EachTime(Models):
    """Models of which no answer is kept: each row's question is seen."""

    def once(self, what: tuple[str, str], ask: Callable[[], Any]) -> Any:
        return ask()


def values_of(
    row: Row, models: Models, kind: Callable[[Times], Kind], settings: Mapping[str, str] | None = None
) -> list[tuple[Deployment, Value]]:
    """The measured times of a row; none where the package cannot answer it."""
    asked = Asked(settings or {})
    try:
        answer = kind(asked).answer(row, models)
    except CalculatorError:
        return []
    found = []
    for value in answer.values:
        what = _WHAT.get(value.metric)
        if what is None or value.measured <= 0:
            continue
        # a row with both rates asks for the prompt first
        deployment, load, report = asked.found[0 if what == "prefill" else -1]
        ratio = value.measured / value.estimated
        told = Value(
            model=answer.model,
            what=what,
            sequences=float(report.batch_size),
            tokens=float(report.input_tokens),
            output=float(max(report.output_tokens, 1)),
            depth=float(load.depth),
            served=load.traffic is not None,
            ratio=ratio if value.metric.endswith("_ms") else 1 / ratio,
        )
        found.append((deployment, told))
    return found


def grouped(found: Sequence[tuple[Deployment, Value]]) -> list[Group]:
    """Values by deployment and phase."""
    by_key: dict[object, tuple[Deployment, list[Value]]] = {}
    for deployment, value in found:
        formats = deployment.formats
        assert deployment.accelerator is not None
        key = (
            value.model,
            value.what,
            formats.scheme.label,
            formats.kv_cache.name,
            deployment.engine,
            str(deployment.layout),
            deployment.accelerator.name,
        )
        by_key.setdefault(key, (deployment, []))[1].append(value)
    return [Group(deployment, values[0].what, tuple(values)) for deployment, values in by_key.values()]
