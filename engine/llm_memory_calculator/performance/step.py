"""Time of one forward pass on a layout: each kind of layer once, then dealt to the stages; the messages; the host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LayoutError
from ..memory.ledger import place_of
from ..operators import Step
from ..parallel import Layouts, Parallelism
from ..ranks import Holding, Kind, holdings
from ..stacks import stacked
from ..units import are_plain, larger, smaller, somewhere
from ..work import look
from .collectives import cells, context_law, hand_over_law, sum_law
from .machine import law_of, law_on_host, machine_of
from .roofline import OperatorTime, moved_bytes, value_bytes
from .spent import Spent, at

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..deployment import Deployment
    from ..engines import Engine, HostCost, Place
    from ..formats.numerics import Format
    from ..formats.scheme import Formats
    from ..operators import Operator, WorkKind
    from ..units import Quantity
    from .machine import Law, Machine

KINDS = (
    "matmul",
    "experts",
    "attention",
    "latent_attention",
    "recurrence",
    "scan",
    "elementwise",
    "collective",
    "pipeline",
    "host_link",
    "launch",
    "host",
)


@dataclass(slots=True)
class StepTime:
    """One forward pass: what it takes over all devices of one copy, of which those that share experts step together."""

    spent: Spent
    slowest_stage: Quantity
    """Seconds of the stage that takes longest, which is what a full pipeline repeats."""


Groups = tuple[Step, ...]
"""What one forward pass takes in: groups of equal sequences, such as those that decode and pieces of prompts."""


class Lawful(NamedTuple):
    """An operator of a layer on one device, with all that its time hangs on but the step."""

    operator: Operator
    kind: WorkKind
    weight_bytes: float
    """What it reads where all of its weights are read."""
    value_bytes: float
    """Of a value of its cache."""
    reads: int
    """Times that a step reads each value: more than one where keys are repeated for the heads that share them."""
    law: Law
    sums: bool
    """Whether ranks sum what it gives."""

    def time(self, step: Step, formats: Formats, engine: Engine) -> OperatorTime:
        work = self.operator.work(step)
        moved = moved_bytes(work, self.weight_bytes, self.value_bytes, self.reads, formats, engine)
        return self.law.time(work, moved, self.weight_bytes)


class Sorted(NamedTuple):
    """The operators of a kind of layer."""

    passes: tuple[Lawful, ...]
    """Those that only move bytes, all at one bandwidth and without a launch of their own: one sum of bytes."""
    merged: tuple[Lawful, ...]
    """Products, which take the tokens of all groups at once and read their weights once."""
    grouped: tuple[Lawful, ...]
    """Attention and recurrences, whose work is a sum over the groups."""


@lru_cache(maxsize=32768)
def _sorted(kind: Kind, machine: Machine, formats: Formats, encodes: bool) -> Sorted:
    if kind.members or machine.members:
        kinds, machines = kind.members or (kind,), machine.members or (machine,)
        answers = [_sorted(one, each, formats, encodes) for one in kinds for each in machines]
        return stacked(answers, cells(0 if kind.where is None else kind.where, machine))
    found = _lawful(kind, machine, formats, encodes)
    return Sorted(
        passes=tuple(one for one in found if one.kind == "elementwise"),
        merged=tuple(one for one in found if one.kind in _MERGED),
        grouped=tuple(one for one in found if one.kind not in _MERGED and one.kind != "elementwise"),
    )


def _lawful(kind: Kind, machine: Machine, formats: Formats, encodes: bool) -> list[Lawful]:
    """Where a step encodes no source, the keys and values of the source are in the cache, and nothing makes them."""
    return [
        lawful(operator, size, _law(kind, operator, machine, form, formats), formats, machine.engine)
        for operator, size, form in kind.operators
        if encodes or not operator.reads_source
    ]


def lawful(operator: Operator, weight_bytes: float, law: Law, formats: Formats, engine: Engine) -> Lawful:
    """An operator that reads so many bytes of weights, under its law."""
    return Lawful(
        operator,
        operator.kind,
        weight_bytes,
        value_bytes(operator, formats, engine),
        operator.heads_per_key if engine.kernels.repeats_keys else 1,
        law,
        operator.sums,
    )


def require_laws(machine: Machine, architecture: Architecture, formats: Formats) -> None:
    """Raise LayoutError where the machine cannot do what the model asks of it, in whatever layout."""
    for holding in holdings(architecture, formats.scheme, Parallelism(), machine.engine):
        for _, kind in holding.text:
            _sorted(kind, machine, formats, False)


_MERGED = ("matmul", "experts")


def _law(kind: Kind, operator: Operator, machine: Machine, form: Format, formats: Formats) -> Law:
    """The law of an operator where its layer lies."""
    hosted = kind.on_host == "all" or (kind.on_host == "experts" and operator.expert_count > 0)
    law = law_on_host if hosted else law_of
    return law(machine, operator.kind, form, formats.scheme.plain, formats.kv_cache)


def layers_of(deployment: Deployment, holding: Holding) -> tuple[tuple[int, Kind], ...]:
    """(how many, kind) of what a step of the text runs through on a stage, layers on the host as kinds of their own."""
    if deployment.engine.kernels.host_memory is None or not deployment.engine.leaves_layers:
        return holding.text
    layout = deployment.layout
    of_copy = replace(layout, data=layout.pooled)
    return _layers_of(deployment.engine, place_of(deployment.architecture, deployment.formats, of_copy, holding))


@lru_cache(maxsize=4096)
def _layers_of(engine: Engine, place: Place) -> tuple[tuple[int, Kind], ...]:
    found: list[tuple[int, Kind]] = []
    hosted = {id(one.kind): one for one in engine.on_the_host(place)}
    for count, kind in place.holding.text:
        there = hosted.get(id(kind))
        if there is not None:
            found += [(there.whole, replace(kind, on_host="all")), (there.experts, replace(kind, on_host="experts"))]
            count -= there.whole + there.experts
        found.append((count, kind))
    return tuple((count, kind) for count, kind in found if count)


def lies_on_host(deployment: Deployment) -> bool:
    """Whether the host has layers, or experts of some."""
    if deployment.engine.kernels.host_memory is None or not deployment.engine.leaves_layers:
        return False
    stages = holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, deployment.engine)
    return any(kind.on_host for holding in stages for _, kind in layers_of(deployment, holding))


class Clock:
    """The times of layers, each once: steps, stages, layouts and copies share them where their numbers are the same.

    For one model in one format on one machine. spent: what is summed; seconds alone take half the passes over arrays.
    """

    _MOST = 4096
    """Times that are remembered; after so many it begins anew."""

    def __init__(self, spent: type[Spent] = Spent) -> None:
        self.spent = spent
        self._known: dict[object, Spent] = {}
        # arrays are known by identity, so that they must live as long as what is known of them
        self._alive: list[Step] = []

    def _remember(self, key: object, step: Step, found: Spent) -> None:
        if len(self._known) >= self._MOST:
            self._known.clear()
            self._alive.clear()
        self._known[key] = found
        self._alive.append(step)

    def merged(self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, encodes: bool) -> Spent:
        """What one layer of a kind does with all tokens of a step, whatever stands before them, on one device."""
        key = (kind, _numbers_of(step, encodes))
        found = self._known.get(key)
        if found is None:
            there, found = _sorted(kind, machine, deployment.formats, encodes), self.spent()
            _spend_on_passes(found, deployment, machine, there.passes, step)
            _spend(found, deployment, machine, there.merged, step)
            self._remember(key, step, found)
        return found

    def grouped(self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, encodes: bool) -> Spent:
        """What it does with one group: attention and recurrences."""
        key = (kind, _numbers_of(step, encodes), _known_by(step.context))
        found = self._known.get(key)
        if found is None:
            found = self.spent()
            _spend(found, deployment, machine, _sorted(kind, machine, deployment.formats, encodes).grouped, step)
            self._remember(key, step, found)
        return found


def merged_of(groups: Groups) -> Step:
    """All groups as one, for what asks only how many tokens there are, how many sequences, and of how many logits."""
    if len(groups) == 1:
        return groups[0]
    batch = sum(group.batch for group in groups)
    return Step(
        batch=batch,
        query=sum(group.tokens for group in groups) / batch,
        samples=sum(group.sampled for group in groups),
        encoded=sum(group.batch * group.encoded for group in groups) / batch,
    )


def _numbers_of(step: Step, encodes: bool) -> tuple[object, ...]:
    """What a step's numbers are known by, its context left out; and whether a source is encoded in it."""
    samples = None if step.samples is None else _known_by(step.samples)
    return (
        _known_by(step.batch),
        _known_by(step.query),
        samples,
        _known_by(step.source),
        _known_by(step.encoded),
        encodes,
    )


def _known_by(number: Quantity) -> object:
    return number if isinstance(number, (int, float)) else ("array", id(number))


def _spend_on_passes(
    spent: Spent, deployment: Deployment, machine: Machine, passes: tuple[Lawful, ...], step: Step
) -> None:
    """Operators that only move bytes, and what tensor-parallel ranks sum after them."""
    moved: Quantity = 0.0
    flops: Quantity = 0
    for one in passes:
        work = one.operator.work(step)
        moved = moved + moved_bytes(
            work, one.weight_bytes, one.value_bytes, one.reads, deployment.formats, machine.engine
        )
        flops = flops + work.flops
        if one.sums:
            _spend_on_sum(spent, deployment, machine, one.operator, step)
    if passes:
        seconds = moved / passes[0].law.bandwidth
        spent.take("elementwise", OperatorTime(seconds, 0.0, seconds, 0.0, flops, moved))


def _spend(spent: Spent, deployment: Deployment, machine: Machine, lawful: tuple[Lawful, ...], step: Step) -> None:
    """Operators one after the other, and what tensor-parallel ranks sum after them."""
    for one in lawful:
        spent.take(one.kind, one.time(step, deployment.formats, machine.engine))
        if one.sums:
            _spend_on_sum(spent, deployment, machine, one.operator, step)
        seconds = exchange_time(deployment, machine, one.operator, step)
        if seconds is not None:
            spent.spend("collective", seconds)


def exchange_time(deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> Quantity | None:
    """Seconds in which ranks that share the tokens of a cache gather queries and merge what they found in one layer.

    None where none share any.
    """
    law = context_law(machine, deployment.layout) if operator.shares_tokens else None
    if law is None:
        return None
    return law.time(operator.exchanged_values(step) * deployment.formats.activation_bytes, 1.0)


def _spend_on_sum(spent: Spent, deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> None:
    seconds = sum_time(deployment, machine, operator, step)
    if seconds is not None:
        spent.spend("collective", seconds)


def sum_time(deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> Quantity | None:
    """Seconds in which ranks sum what an operator of one layer gives: those of a copy, or of all that share experts.

    None where there is no sum.
    """
    law = sum_law(machine, deployment.layout, experts=operator.expert_count > 0) if operator.sums else None
    if law is None:
        return None
    return law.time(operator.reduced_values(step) * deployment.formats.activation_bytes, operator.visited_share)


class Timed(NamedTuple):
    """An operator of a stage at a step."""

    layers: int
    """How many of the stage have it."""
    kind: Kind
    """The layer that has it."""
    operator: Operator
    weight_bytes: float
    """What it reads where all of its weights are read, bytes."""
    step: Step
    """An encoder's is one over the positions of the source."""
    time: OperatorTime
    """In one of these layers."""


def operators(deployment: Deployment, holding: Holding, step: Step) -> Iterator[Timed]:
    """Everything in a stage that a step runs through."""
    encodes, machine = somewhere(step.encoded), machine_of(deployment)
    source = Step(batch=step.batch, query=step.encoded)
    work = [(count, kind, _run_by(kind, step, machine)) for count, kind in layers_of(deployment, holding)]
    work += [(kind.count, kind, source) for kind in holding.encoder if encodes]
    for count, kind, own_step in work:
        for one in _lawful(kind, machine, deployment.formats, encodes):
            time = one.time(own_step, deployment.formats, machine.engine)
            yield Timed(count, kind, one.operator, one.weight_bytes, own_step, time)


@dataclass(slots=True)
class OperatorShare:
    """What an operator takes of a step on a device of each stage: over all the layers that have it."""

    seconds: float = 0.0
    layers: int = 0
    compute_s: float = 0.0
    memory_s: float = 0.0


def shares_of_operators(deployment: Deployment, step: Step) -> dict[tuple[str, str], OperatorShare]:
    """By (kind of work, operator), what a step is the sum of; messages stand under the operator that sends them."""
    machine = machine_of(deployment)
    found: dict[tuple[str, str], OperatorShare] = {}
    for holding in holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, machine.engine):
        for one in operators(deployment, holding, step):
            layers = holding.alike * one.layers
            share = found.setdefault((one.operator.kind, one.operator.name), OperatorShare())
            share.seconds += layers * one.time.seconds
            share.layers += layers
            share.compute_s += layers * one.time.compute_s
            share.memory_s += layers * one.time.memory_s
            summed = sum_time(deployment, machine, one.operator, one.step)
            merged = exchange_time(deployment, machine, one.operator, one.step)
            for seconds in (summed, merged):
                if seconds is None:
                    continue
                sent = found.setdefault(("collective", one.operator.name), OperatorShare())
                sent.seconds += layers * seconds
                sent.layers += layers
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """A deployment by what its times hang on: those made anew for each question are of the same parts."""

    parts: tuple[object, ...]
    deployment: Deployment = field(compare=False)


def known_by(deployment: Deployment) -> Known:
    layout = deployment.layout
    shared = layout.tensor, layout.pipeline, layout.expert, layout.pooled, layout.context
    parts = (deployment.architecture, deployment.formats, machine_of(deployment), shared, deployment.speculation)
    return Known(parts, deployment)


@lru_cache(maxsize=2048)
def remembered_step_time(known: Known, step: Step) -> StepTime:
    """The same as `step_time` for plain numbers, remembered from one question to the next."""
    return step_time(known.deployment, step, _clock_of(known))


@lru_cache(maxsize=64)
def _clock_of(_: Known) -> Clock:
    return Clock()


def step_time(deployment: Deployment, step: Step | Groups, clock: Clock) -> StepTime:
    """One forward pass of one copy of the model: its stages one after the other.

    Raises LayoutError when devices have no link.
    """
    look()
    layout, machine = deployment.layout, machine_of(deployment)
    groups = step if isinstance(step, tuple) else (step,)
    merged = merged_of(groups)
    encodes, host = somewhere(merged.encoded), machine.engine.host
    found, slowest = clock.spent(), 0.0
    for holding in holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine):
        stage = merged_time(deployment, holding, merged, prefills(groups), clock)
        for group in groups:
            stage.add(grouped_time(deployment, holding, group, encodes, clock))
        for group in groups[1:]:
            spared = shared_launch(deployment, holding, group, clock)
            stage.spend("attention", -spared)
            stage.launch_s = stage.launch_s - spared
        if somewhere(host.dispatch) or somewhere(host.dispatch_expert):
            waited = larger(0.0, dispatch_time(holding, host) - stage.total)
            stage.launch(waited)
        stage.spend("host_link", crossing_time(deployment, holding, merged))
        stage.spend("host", host.step + host.sequence * handled(groups))
        found.add_stages(stage, holding.alike)
        slowest = larger(slowest, stage.slowest(holding.alike))
    if somewhere(layout.pipeline > 1):
        found.spend("pipeline", (layout.pipeline - 1) * hand_over(deployment, machine, merged))
    found.flops, found.bytes = layout.tensor * found.flops, layout.tensor * found.bytes
    return StepTime(found, slowest)


def step_times(deployment: Deployment, steps: Sequence[Step], clock: Clock) -> list[StepTime]:
    """The time of each of several steps; of layouts side by side those of all in one pass over arrays."""
    layout = deployment.layout
    if not isinstance(layout, Layouts):
        return [step_time(deployment, step, clock) for step in steps]
    time = step_time(deployment, _as_one(steps, layout.loads + len(layout.shape)), clock)
    return [StepTime(time.spent.at(index), at(time.slowest_stage, index)) for index in range(len(steps))]


def _as_one(steps: Sequence[Step], axes: int) -> Step:
    """Steps along the first axis of arrays."""
    import numpy

    def along(name: str) -> Quantity:
        values = [getattr(step, name) for step in steps]
        if are_plain(*values) and all(value == values[0] for value in values):
            return values[0]
        found = numpy.stack(numpy.broadcast_arrays(*values)).astype(numpy.float64, copy=False)
        # along layouts (and machines), of which a number may hang on none
        return found.reshape(len(values), *(1,) * (axes + 1 - found.ndim), *found.shape[1:])

    return Step(batch=along("batch"), query=along("query"), context=along("context"))


def handled(groups: Groups) -> Quantity:
    """What the host looks at one by one: sequences, and each drafted token of them."""
    found: Quantity = 0
    for group in groups:
        found = found + (group.tokens if group.verifies else group.batch)
    return found


def prefills(groups: Groups) -> Quantity:
    """Whether a step carries prompts: 1 or 0."""
    found: Quantity = 0
    for group in groups:
        if not group.verifies:
            found = larger(found, 1 * (group.query > 1))
    return found


def merged_time(deployment: Deployment, holding: Holding, step: Step, carries: Quantity, clock: Clock) -> Spent:
    """What a stage does with all tokens of a step, and the launches of its layers; `carries`: prompts, 1 or 0."""
    machine, stage = machine_of(deployment), clock.spent()
    host, encodes = machine.engine.host, somewhere(step.encoded)
    for count, kind in layers_of(deployment, holding):
        stage.add(clock.merged(deployment, machine, kind, _run_by(kind, step, machine), encodes), count)
    # a step of few tokens replays the graphs of one that decodes
    eager = carries * (step.tokens > host.graphed)
    launches = holding.depth * (host.layer + eager * (host.layer_prefill - host.layer))
    launched = _launched(holding, encodes)
    launches = launches + eager * host.experts_prefill * launched.mixtures
    launches = launches + launched.operators * (host.operator + eager * (host.operator_prefill - host.operator))
    launches = launches + (1 - carries) * (host.experts * launched.mixtures + host.recurrence * launched.recurrent)
    if encodes:
        source = Step(batch=step.batch, query=step.encoded)
        for kind in holding.encoder:
            stage.add(clock.merged(deployment, machine, kind, source, encodes), kind.count)
            stage.add(clock.grouped(deployment, machine, kind, source, encodes), kind.count)
        encoder_layers = sum(kind.count for kind in holding.encoder)
        launches = launches + (step.encoded > 0) * (
            host.layer_prefill * encoder_layers + host.operator_prefill * launched.of_encoder
        )
    stage.launch(launches)
    return stage


def crossing_bytes(deployment: Deployment, holding: Holding, step: Step) -> Quantity:
    """Bytes of weights that each device of a stage reads over the host's link in a step: of what was left there the
    share that the step uses, which is all but experts that no token takes."""
    machine = machine_of(deployment)
    if not machine.engine.offloaded_bytes:
        return 0.0
    held: Quantity = 0.0
    read: Quantity = 0.0
    for count, kind in holding.text:
        for one in _sorted(kind, machine, deployment.formats, False).merged:
            held = held + count * one.weight_bytes
            read = read + count * one.weight_bytes * one.operator.work(step).weight_share
    return min(machine.engine.offloaded_bytes, holding.weights) * read / held


def crossing_time(deployment: Deployment, holding: Holding, step: Step) -> Quantity:
    """Seconds in which these bytes cross the link, at the rate that its maker says; memory that the host shares has
    nothing to cross. Raises LayoutError where no link is known."""
    machine = machine_of(deployment)
    if not machine.engine.offloaded_bytes or machine.engine.device.unified:
        return 0.0
    link = machine.accelerator.host_link
    if link is None:
        raise LayoutError(
            f"No link of {machine.accelerator.name} to its host is known, so that the time of what cpu_offload_gb "
            "leaves there cannot be estimated: leave it out, or ask for the memory alone."
        )
    return crossing_bytes(deployment, holding, step) / link.bandwidth


def dispatch_time(holding: Holding, host: HostCost) -> Quantity:
    """Seconds in which an engine's program calls the operators of a stage, while the device works."""
    experts: Quantity = sum(
        count * max((operator.expert_count for operator, _, _ in kind.operators), default=0)
        for count, kind in holding.stack
    )
    return holding.depth * host.dispatch + experts * host.dispatch_expert


class _Launched(NamedTuple):
    """What a pass through a stage launches."""

    operators: int
    mixtures: int
    """Layers with routed experts."""
    recurrent: int
    """Layers with a recurrence or a scan."""
    of_encoder: int
    """Operators of an encoder."""


@lru_cache(maxsize=4096)
def _launched(holding: Holding, encodes: bool) -> _Launched:
    operators = mixtures = recurrent = 0
    for count, kind in holding.text:
        operators += count * sum(encodes or not operator.reads_source for operator, _, _ in kind.operators)
        mixtures += count * kind.mixes
        recurrent += count * any(operator.kind in ("recurrence", "scan") for operator, _, _ in kind.operators)
    return _Launched(operators, mixtures, recurrent, sum(kind.count * len(kind.operators) for kind in holding.encoder))


def grouped_time(deployment: Deployment, holding: Holding, group: Step, encodes: bool, clock: Clock) -> Spent:
    """What the layers of a stage do with one group of a step: attention and recurrences."""
    machine, stage = machine_of(deployment), clock.spent()
    for count, kind in layers_of(deployment, holding):
        stage.add(clock.grouped(deployment, machine, kind, _run_by(kind, group, machine), encodes), count)
    return stage


def shared_launch(deployment: Deployment, holding: Holding, group: Step, clock: Clock) -> Quantity:
    """Launches of attention that a group does without beside another, where one kernel attends for both."""
    machine, spared = machine_of(deployment), 0.0
    if not machine.engine.kernels.attends_once:
        return spared
    for count, kind in layers_of(deployment, holding):
        if kind.operators and all(
            one.kind == "attention" for one in _sorted(kind, machine, deployment.formats, False).grouped
        ):
            found = clock.grouped(deployment, machine, kind, _run_by(kind, group, machine), False)
            spared = spared + count * found.launch_s
    return spared


def _run_by(kind: Kind, step: Step, machine: Machine) -> Step:
    """The part of a step that a layer runs."""
    if not machine.engine.kernels.skips or not kind.borrows_cache:
        return step
    return replace(step, query=smaller(step.query, 1), context=step.context + larger(step.query - 1, 0))


def hand_over(deployment: Deployment, machine: Machine, step: Step) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    law = hand_over_law(machine, deployment.layout)
    message = step.tokens * deployment.architecture.hidden_size * deployment.formats.activation_bytes
    return law.launch + law.value * message
