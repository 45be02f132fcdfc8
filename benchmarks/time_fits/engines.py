"""What engines take of time, fitted to closed-loop serving runs while the laws of single kernels are held.

A parameter is a factor (in logs) on what an engine's table has, with a normal prior about no change. The time per
output token of the steady state is fitted, which takes milliseconds, and what the simulation of events comes to beside
it is carried along as a ratio that is renewed each round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from llm_memory_calculator.arguments import EstimatePerformance
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import ProductCost
from llm_memory_calculator.lengths import Lengths
from llm_memory_calculator.performance.reports import estimate_served
from llm_memory_calculator.performance.steady import steady_state
from llm_memory_calculator.question import come_load, deployed, named
from llm_memory_calculator.validation.models import models_of
from llm_memory_calculator.validation.reading import Row, read
from llm_memory_calculator.validation.serving_runs import question_of
from llm_memory_calculator.validation.timed import Question

Array = NDArray[np.float64]
Parameters = dict[str, float]

# Deviations of the priors, in logs: constants of kernels are known, those of hosts hardly.
HOST = {"step": 0.5, "sequence": 0.5, "layer": 0.5, "layer_prefill": 0.5, "experts_prefill": 0.5, "request": 0.7}
KERNELS = {
    "launches": 0.4,
    "attention_em": 0.2,
    "attention_rate": 0.15,
    "experts_launch": 0.3,
    "experts_rate": 0.2,
    "experts_bandwidth": 0.15,
    "latent_launch": 0.7,
    "latent_prefill": 0.7,
    "recurrence_launch": 0.7,
    "recurrence_prefill": 0.7,
    "elementwise_passes": 0.4,
    "reduce_launch": 0.5,
    "reduce_bandwidth": 0.3,
}
PRODUCTS = {"rate": 0.12, "bandwidth": 0.1, "launch": 0.4}
# Flags of runs that tell nothing of a step, and those that spoil the first token alone.
SPOILT = {"speculative", "disaggregated", "erratic", "load", "sick", "hidden_dp"}
SPOILT_FIRST = {"compile", "cold", "kv_capacity", "stream_interval"}
# Errors that are usual, in logs: of the time per output token, and of the first.
USUAL, USUAL_FIRST = 0.06, 0.35


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run."""

    question: Question
    users: float
    tokens: float
    output: float
    tpot: float
    ttft: float
    tells_first: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one deployment."""

    deployment: Deployment
    runs: tuple[Run, ...]

    @property
    def engine(self) -> str:
        return self.deployment.engine.name

    @property
    def family(self) -> str:
        return self.runs[0].question.named

    @property
    def system(self) -> str:
        assert self.deployment.accelerator is not None
        return self.deployment.accelerator.name

    def of(self, value: Callable[[Run], float]) -> Array:
        return np.array([value(run) for run in self.runs], dtype=float)


def groups(reference: Path) -> list[Group]:
    """The runs of serving_measured.csv by deployment."""
    models, found = models_of(reference / "configs"), dict[str, list[Run]]()
    deployments: dict[str, Deployment] = {}
    for row in read(reference / "serving_measured.csv").rows:
        if row.text("flag") in SPOILT:
            continue
        question = question_of(row, models)
        key = repr((question.named, {**question.asked(), **dict.fromkeys(question.load)}))
        if key not in deployments:
            deployments[key] = _deployment(question)
        found.setdefault(key, []).append(_run(row, question))
    return [Group(deployments[key], tuple(runs)) for key, runs in found.items()]


def _deployment(question: Question) -> Deployment:
    asked = question.asked()
    stated: Any = EstimatePerformance(model=question.model, **asked)
    accelerator, _ = named(stated.hardware, stated.devices)
    from llm_memory_calculator.parallel import Parallelism

    layout = Parallelism(
        tensor=stated.tensor_parallel or 1,
        pipeline=stated.pipeline_parallel or 1,
        data=stated.data_parallel or 1,
        expert=stated.expert_parallel or 1,
    )
    return deployed(stated, question.model, accelerator=accelerator, layout=layout)


def _run(row: Row, question: Question) -> Run:
    tpot, ttft = row.real("tpot_ms"), row.real("ttft_ms")
    assert tpot is not None
    assert ttft is not None
    load = question.load
    return Run(
        question=question,
        users=load["concurrency"],
        tokens=_mean(load["input_tokens"]),
        output=_mean(load["output_tokens"]),
        tpot=tpot / 1e3,
        ttft=ttft / 1e3,
        tells_first=row.text("flag") not in SPOILT_FIRST,
    )


def _mean(length: Any) -> float:
    return float(length) if isinstance(length, int) else Lengths.uniform(length["least"], length["most"]).mean


def changed(deployment: Deployment, by: Parameters) -> Deployment:
    """The same with its engine's constants times the factors of parameters."""

    def factor(name: str) -> float:
        return math.exp(by.get(name, 0.0))

    engine: Any = deployment.engine
    host = replace(engine.host, **{name: getattr(engine.host, name) * factor(f"host.{name}") for name in HOST})
    products = {
        form: ProductCost(**{part: getattr(cost, part) * factor(f"{part}.{form}") for part in PRODUCTS})
        for form, cost in engine.kernels.matmul.items()
    }
    kernels = replace(
        engine.kernels,
        matmul=products,
        **{name: getattr(engine.kernels, name) * factor(f"kernels.{name}") for name in KERNELS},
    )
    return replace(deployment, engine=replace(engine, host=host, kernels=kernels))


def priors(some: Iterable[Group]) -> dict[str, float]:
    """The parameters that groups tell something of, each with the deviation of its prior."""
    some = list(some)
    found = {f"host.{name}": deviation for name, deviation in HOST.items()}
    architectures = [group.deployment.architecture for group in some]
    kinds = {operator.kind for one in architectures for layer in one.stack for operator in layer.operators}
    for name, deviation in KERNELS.items():
        needs = {"experts": "experts", "latent": "latent_attention", "recurrence": "recurrence"}.get(name.split("_")[0])
        if needs is None or needs in kinds:
            found[f"kernels.{name}"] = deviation
    forms = {group.deployment.formats.scheme.label for group in some} | {"bf16"}
    for form in forms & some[0].deployment.engine.kernels.matmul.keys():
        found |= {f"{part}.{form}": deviation for part, deviation in PRODUCTS.items()}
    return found


def steady(group: Group, by: Parameters) -> tuple[Array, Array]:
    """Time per output token and to the first of each run, in the steady state."""
    deployment = changed(group.deployment, by)
    found = steady_state(
        deployment,
        users=group.of(lambda run: run.users) / deployment.layout.data,
        tokens=group.of(lambda run: run.tokens),
        output=group.of(lambda run: run.output),
    )
    return found.tpot, found.wait


def simulated(group: Group, by: Parameters) -> tuple[Array, Array]:
    """The same by the simulation of events, with its first wave."""
    deployment, first, each = changed(group.deployment, by), [], []
    for run in group.runs:
        question: Any = EstimatePerformance(model=run.question.model, **run.question.asked())
        report = estimate_served(deployment, come_load(question))
        assert report.tpot_ms is not None
        first.append(report.ttft_ms / 1e3)
        each.append(report.tpot_ms / 1e3)
    return np.array(each), np.array(first)


def fit(some: Sequence[Group], start: Parameters, rounds: int = 2) -> Parameters:
    """The parameters of one engine that make the errors of its groups small, outliers counting less."""
    deviations = priors(some)
    names = list(deviations)
    deviation = np.array([deviations[name] for name in names])
    weight = np.concatenate([np.full(len(group.runs), len(group.runs) ** -0.25) for group in some])
    weight /= weight.mean()
    found = start
    for _ in range(rounds):
        beside = [
            tuple(
                np.log(event / settled)
                for event, settled in zip(simulated(group, found), steady(group, found), strict=True)
            )
            for group in some
        ]

        def residuals(values: Array, beside: list[tuple[Array, ...]] = beside) -> Array:
            by = dict(zip(names, values, strict=True))
            each, first = [], []
            for group, (of_each, of_first) in zip(some, beside, strict=True):
                tpot, ttft = steady(group, by)
                each.append(np.log(tpot / group.of(lambda run: run.tpot)) + of_each)
                told = group.of(lambda run: run.tells_first)
                first.append((np.log(ttft / group.of(lambda run: run.ttft)) + of_first) * told)
            parts = (np.concatenate(each) / USUAL, np.concatenate(first) / USUAL_FIRST)
            return np.concatenate([*(_soft(part) * weight for part in parts), values / deviation])

        begin = np.array([found.get(name, 0.0) for name in names])
        solved = least_squares(residuals, begin, max_nfev=6, diff_step=0.02, xtol=1e-3, ftol=1e-3)
        found = dict(zip(names, solved.x.tolist(), strict=True))
    return found


def _soft(errors: Array) -> Array:
    """Errors whose square grows like their size where they are large."""
    softened: Array = np.sign(errors) * np.sqrt(2 * (np.sqrt(1 + errors**2) - 1))
    return softened


def folds(some: Sequence[Group], by: str) -> dict[str, list[int]]:
    """The numbers of the groups that are left out together: one of five shares of the groups, a family or a system."""
    found: dict[str, list[int]] = {}
    for number, group in enumerate(some):
        name = f"share {number % 5}" if by == "group" else getattr(group, by)
        found.setdefault(name, []).append(number)
    return found


def report(title: str, scored: Sequence[tuple[Group, Array, Array]]) -> None:
    """Errors in per cent, and the share of measured over estimated that 80 % hold, by kind of model."""
    by_kind: dict[str, list[tuple[Array, Array, Array]]] = {}
    for group, tpot, ttft in scored:
        told = group.of(lambda run: run.tells_first) > 0
        each = group.of(lambda run: run.tpot) / tpot
        first = (group.of(lambda run: run.ttft) / ttft)[told]
        steps = group.of(lambda run: run.output) - 1
        whole = (group.of(lambda run: run.ttft + (run.output - 1) * run.tpot) / (ttft + steps * tpot))[told]
        for kind in ("all", _kind(group)):
            by_kind.setdefault(kind, []).append((each, first, whole))
    print(title)
    for kind, parts in by_kind.items():
        cells = []
        for name, ratios in zip(("TPOT", "TTFT", "E2E"), zip(*parts, strict=True), strict=True):
            ratio = np.concatenate(ratios)
            error = 100 * np.abs(1 / ratio - 1)
            low, high = np.quantile(ratio, (0.1, 0.9))
            bias = np.exp(np.mean(np.log(ratio)))
            cells.append(f"{name} {error.mean():5.1f} / {np.median(error):4.1f}, {bias:.2f} [{low:.2f}, {high:.2f}]")
        print(f"  {kind:10s} {sum(len(part[0]) for part in parts):5d}  {'  '.join(cells)}")


def _kind(group: Group) -> str:
    architecture = group.deployment.architecture
    if architecture.attention_type == "MLA":
        return "latent"
    state = architecture.state()
    if state.window or state.recurrent:
        return "recurrent"
    return "mixture" if architecture.active_parameter_count < architecture.parameter_count else "dense"
