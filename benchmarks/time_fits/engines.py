"""What engines take of time, fitted to closed-loop serving runs while the laws of single kernels are held.

The time per output token and to the first one in the steady state are fitted, which takes milliseconds, and what the
simulation of events comes to beside them is carried along as a ratio that is renewed each round. Priors say what
engines take as a rule, and nothing of the rows. Later releases take a power of one factor of what is launched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from llm_memory_calculator.arguments import EstimatePerformance
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import ProductCost, engine_for
from llm_memory_calculator.lengths import Lengths
from llm_memory_calculator.performance.reports import estimate_served
from llm_memory_calculator.performance.steady import steady_state
from llm_memory_calculator.question import come_load
from llm_memory_calculator.validation.models import models_of
from llm_memory_calculator.validation.reading import Row, read
from llm_memory_calculator.validation.serving_runs import question_of
from llm_memory_calculator.validation.timed import Question

from .runs import deployment_of, table_of
from .solving import SHARES, Array, Constants, Fit, Prior, folds, show_constants, show_errors

# Deviations of the priors, in logs: constants of kernels are known, those of hosts hardly.
HOST = {
    "step": Prior(0.3e-3, 0.5),
    "sequence": Prior(8e-6, 0.5),
    "layer": Prior(1.5e-6, 0.5),
    "layer_prefill": Prior(25e-6, 0.5),
    "operator": Prior(0.4e-6, 0.8),
    "operator_prefill": Prior(1.5e-6, 0.8),
    "experts_prefill": Prior(20e-6, 0.5),
    "request": Prior(0.04, 0.8),
    "request_token": Prior(3e-6, 0.7),
}
KERNELS = {
    "launches": Prior(1.0, 0.4),
    "attention_em": Prior(1.0, 0.2),
    "attention_rate": Prior(1.0, 0.15),
    "experts_launch": Prior(1.0, 0.3),
    "experts_rate": Prior(1.0, 0.2),
    "experts_bandwidth": Prior(1.0, 0.15),
    "latent_launch": Prior(15e-6, 0.7),
    "latent_prefill": Prior(0.6e-3, 0.7),
    "recurrence_launch": Prior(70e-6, 0.7),
    "recurrence_prefill": Prior(140e-6, 0.7),
    "elementwise_passes": Prior(2.6, 0.4),
    "reduce_launch": Prior(1.0, 0.5),
    "reduce_bandwidth": Prior(1.0, 0.3),
}
NEEDS = {"experts": "experts", "latent": "latent_attention", "recurrence": "recurrence"}
"""Constants that begin with these words are told by models with such operators alone."""
PRODUCTS = {"rate": Prior(1.0, 0.12), "bandwidth": Prior(1.0, 0.1), "launch": Prior(1.0, 0.4)}
LIKE = {"weights_only": "bf16", "mxfp4": "nvfp4"}
"""Formats whose products follow those of others."""
AGES = {
    "sglang": {"0.4": 0.0, "0.5.3": 0.8, "0.5.6": 1.0, "0.5.8": 1.5},
    "tensorrt_llm": {"1.0": 0.0, "1.1": 1.0, "1.2": 2.25},
}
"""Generations of an engine, by the tables of its releases."""
GENERATION = Prior(1.0, 0.4)
AHEAD = {"request_ahead": Prior(0.02, 0.8)}
"""What a request costs in releases that make up steps ahead, whose front ends are others."""
AGEING = ("step", "layer", "operator")
# Flags of runs that tell nothing of a step, and those that spoil the first token alone.
SPOILT = {"speculative", "disaggregated", "erratic", "load", "sick", "hidden_dp"}
SPOILT_FIRST = {"compile", "cold", "kv_capacity", "stream_interval"}
LEFT_OUT = ("group", "model", "system")
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
    def model(self) -> str:
        return self.runs[0].question.named

    @property
    def system(self) -> str:
        assert self.deployment.accelerator is not None
        return self.deployment.accelerator.name

    def of(self, value: Callable[[Run], float]) -> Array:
        return np.array([value(run) for run in self.runs], dtype=float)


def groups(reference: Path, thin: int = 1) -> list[Group]:
    """The runs of serving_measured.csv by deployment."""
    models, found = models_of(reference / "configs"), dict[str, list[Run]]()
    deployments: dict[str, Deployment] = {}
    for row in read(reference / "serving_measured.csv").rows[::thin]:
        if row.text("flag") in SPOILT:
            continue
        question = question_of(row, models)
        key = repr((question.named, {**question.asked(), **dict.fromkeys(question.load)}))
        if key not in deployments:
            deployments[key], _ = deployment_of(question.model, question.asked())
        found.setdefault(key, []).append(_run(row, question))
    return [Group(deployments[key], tuple(runs)) for key, runs in found.items()]


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


def changed(deployment: Deployment, constants: Constants) -> Deployment:
    """The same with its engine's constants in place of those of the table."""
    if not constants:
        return deployment
    engine: Any = deployment.engine
    generation = constants.get("generation", 1.0) ** AGES.get(engine.name, {}).get(table_of(engine), 0.0)
    host = {name: constants[name] * (generation if name in AGEING else 1.0) for name in HOST if name in constants}
    if engine.scheduler.ahead:
        host["request"] = constants.get("request_ahead", host["request"])
    kernels = {name: constants[name] for name in KERNELS if name in constants}
    kernels["launches"] *= generation

    def cost(form: str) -> ProductCost:
        said = {part: constants.get(f"{part}.{LIKE.get(form, form)}", 1.0) for part in PRODUCTS}
        return ProductCost(**said)

    products = {form: cost(form) for form in ("bf16", "fp8", "fp8_block", "nvfp4", *LIKE)}
    made = replace(engine.kernels, matmul=products, **kernels)
    return replace(deployment, engine=replace(engine, host=replace(engine.host, **host), kernels=made))


def priors_of(some: Sequence[Group]) -> dict[str, Prior]:
    """The constants that groups tell something of."""
    architectures = [group.deployment.architecture for group in some]
    kinds = {operator.kind for one in architectures for layer in one.stack for operator in layer.operators}
    needs = {name: NEEDS.get(name.split("_")[0]) for name in (*HOST, *KERNELS)}
    found = {name: prior for name, prior in (HOST | KERNELS).items() if needs[name] in (None, *kinds)}
    forms = {group.deployment.formats.scheme.label for group in some} | {"bf16"}
    for form in sorted({LIKE.get(form, form) for form in forms} & {"bf16", "fp8", "fp8_block", "nvfp4"}):
        # launches of bf16 are those that `launches` is of
        found |= {f"{part}.{form}": prior for part, prior in PRODUCTS.items() if (part, form) != ("launch", "bf16")}
    if any(group.deployment.engine.scheduler.ahead for group in some):
        found |= AHEAD
    if some[0].engine in AGES:
        found["generation"] = GENERATION
    return found


def stands(name: str, priors: Iterable[str]) -> Constants:
    """The tables' constants of an engine: those of its first release that was served."""
    first, *later = AGES.get(name, {"0.8": 0.0})
    engine: Any = engine_for(name, first)
    found: Constants = {}
    for constant in priors:
        part, _, form = constant.partition(".")
        if constant == "generation":
            newest: Any = engine_for(name, later[-1])
            found[constant] = (newest.kernels.launches / engine.kernels.launches) ** (1 / AGES[name][later[-1]])
        elif constant in AHEAD:
            found[constant] = engine_for(name).host.request
        elif form:
            found[constant] = getattr(engine.kernels.matmul[form], part)
        else:
            found[constant] = getattr(engine.host if constant in HOST else engine.kernels, constant)
    return found


def steady(group: Group, constants: Constants) -> tuple[Array, Array]:
    """Time per output token and to the first of each run, in the steady state."""
    deployment = changed(group.deployment, constants)
    found = steady_state(
        deployment,
        users=group.of(lambda run: run.users) / deployment.layout.data,
        tokens=group.of(lambda run: run.tokens),
        output=group.of(lambda run: run.output),
    )
    return found.tpot, found.wait


def simulated(group: Group, constants: Constants) -> tuple[Array, Array]:
    """The same by the simulation of events, with its first wave."""
    deployment, first, each = changed(group.deployment, constants), [], []
    for run in group.runs:
        question: Any = EstimatePerformance(model=run.question.model, **run.question.asked())
        report = estimate_served(deployment, come_load(question))
        assert report.tpot_ms is not None
        first.append(report.ttft_ms / 1e3)
        each.append(report.tpot_ms / 1e3)
    return np.array(each), np.array(first)


def fit_of(some: Sequence[Group], around: Constants) -> Fit:
    """The errors of one engine's groups, with what the simulation comes to beside the steady state at some constants.

    Rows are the times per output token of all runs, and then those to the first token.
    """
    both = [(simulated(group, around), steady(group, around)) for group in some]
    ratios = [tuple(np.log(event / settled) for event, settled in zip(*pair, strict=True)) for pair in both]

    def errors(constants: Constants) -> Array:
        parts: tuple[list[Array], list[Array]] = ([], [])
        for group, (of_each, of_first) in zip(some, ratios, strict=True):
            tpot, ttft = steady(group, constants)
            parts[0].append(np.log(tpot / group.of(lambda run: run.tpot)) + of_each)
            parts[1].append(np.log(ttft / group.of(lambda run: run.ttft)) + of_first)
        return np.concatenate([*parts[0], *parts[1]])

    weight = np.concatenate([np.full(len(group.runs), len(group.runs) ** -0.25) for group in some])
    told = np.concatenate([group.of(lambda run: run.tells_first) for group in some])
    usual = np.repeat((USUAL, USUAL_FIRST), len(weight))
    weights = np.concatenate([weight, weight * told]) / weight.mean()
    return Fit(errors=errors, priors=priors_of(some), usual=usual, weight=weights)


def fitted(some: Sequence[Group], rounds: int, turns: int) -> tuple[Fit, Constants]:
    """The constants of one engine, from those that engines have as a rule."""
    found = {name: prior.centre for name, prior in priors_of(some).items()}
    for _ in range(rounds):
        fit = fit_of(some, found)
        found = fit.solved(start=found, turns=turns, step=0.01)
    return fit, found


def run(reference: Path, *, cross_validate: Sequence[str], quick: bool) -> None:
    """Fit each engine, and print constants and errors by kind of model."""
    some = groups(reference, 60 if quick else 1)
    rounds, turns = (1, 2) if quick else (2, 6)
    _report("engines, as the tables are", [(group, *simulated(group, {})) for group in some])
    after: list[tuple[Group, Array, Array]] = []
    scored: dict[str, list[tuple[Group, Array, Array]]] = {by: [] for by in cross_validate if by in LEFT_OUT}
    for name in sorted({group.engine for group in some}):
        own = [group for group in some if group.engine == name]
        fit, constants = fitted(own, rounds, turns)
        show_constants(f"engines, {name}", constants, stands(name, constants))
        after += [(group, *simulated(group, constants)) for group in own]
        for by, of_all in scored.items():
            of_all += _left_out(own, fit, constants, by)
    _report("engines, fitted", after)
    for by, of_all in scored.items():
        _report(f"engines, left out by {by}", of_all)


def _left_out(own: Sequence[Group], fit: Fit, constants: Constants, by: str) -> list[tuple[Group, Array, Array]]:
    """Groups timed by constants that know nothing of their share, their model or their card."""
    named = [
        {"group": str(number), "model": group.model, "system": group.system}[by] for number, group in enumerate(own)
    ]
    of_row = np.concatenate([np.full(len(group.runs), number) for number, group in enumerate(own)])
    derivative, found = fit.derivative(constants), []
    for numbers in folds(named, SHARES if by == "group" else None).values():
        if len(numbers) == len(own):
            continue
        rows = np.flatnonzero(np.isin(np.tile(of_row, 2), numbers))
        without = fit.without(rows.tolist(), constants, derivative)
        found += [(own[number], *simulated(own[number], without)) for number in numbers]
    return found


def _report(title: str, timed: Sequence[tuple[Group, Array, Array]]) -> None:
    """Errors of the time per output token, of the first one and of the whole, by kind of model."""
    found: dict[str, list[Array]] = {}
    for group, tpot, ttft in timed:
        told = group.of(lambda run: run.tells_first) > 0
        each, first = group.of(lambda run: run.tpot), group.of(lambda run: run.ttft)
        steps = group.of(lambda run: run.output) - 1
        whole = (first + steps * each) / (ttft + steps * tpot)
        for kind in ("all", _kind(group), group.engine):
            for metric, ratio in (("TPOT", each / tpot), ("TTFT", (first / ttft)[told]), ("E2E", whole[told])):
                found.setdefault(f"{kind}, {metric}", []).append(ratio)
    show_errors(title, found)


def _kind(group: Group) -> str:
    architecture = group.deployment.architecture
    if architecture.attention_type == "MLA":
        return "latent"
    state = architecture.state()
    if state.window or state.recurrent:
        return "recurrent"
    return "mixture" if architecture.active_parameter_count < architecture.parameter_count else "dense"
