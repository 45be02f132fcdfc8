"""Time of one forward pass on a layout: each kind of layer once, then dealt to the stages; the messages; the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LayoutError
from ..facts import table
from ..operators import Step
from ..ranks import Holding, Kind, holdings
from ..units import larger, smaller, somewhere
from .machine import law_of, machine_of
from .roofline import OperatorTime, moved_bytes, operator_time
from .spent import Spent

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..formats.numerics import Format
    from ..operators import Operator
    from ..parallel import Parallelism
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
    "host",
)


@dataclass(slots=True)
class StepTime:
    """One forward pass: what it takes over all devices of one copy, of which those that share experts step together."""

    spent: Spent
    slowest_stage: Quantity
    """Seconds of the stage that takes longest, which is what a full pipeline repeats."""


class Lawful(NamedTuple):
    """The operators of a kind of layer, each with the bytes of weights that it reads and its law."""

    passes: tuple[tuple[Operator, float, Law], ...]
    """Those that only move bytes, all at one bandwidth and without a launch of their own: one sum of bytes."""
    steady: tuple[tuple[Operator, float, Law], ...]
    """The others whose work does not hang on the tokens before the step."""
    looking_back: tuple[tuple[Operator, float, Law], ...]


@lru_cache(maxsize=4096)
def _lawful(kind: Kind, machine: Machine, activations: Format, encodes: bool) -> Lawful:
    """Where a step encodes no source, the keys and values of the source are in the cache, and nothing makes them."""
    found = [
        (operator, size, law_of(machine, operator.kind, form, activations))
        for operator, size, form in kind.operators
        if encodes or not operator.reads_source
    ]
    return Lawful(
        passes=tuple(entry for entry in found if entry[0].kind == "elementwise"),
        steady=tuple(entry for entry in found if entry[0].kind != "elementwise" and not entry[0].looks_back),
        looking_back=tuple(entry for entry in found if entry[0].looks_back),
    )


class Clock:
    """The times of layers, each once: steps, stages, layouts and copies share them where their numbers are the same.

    For one model in one format on one machine.
    """

    def __init__(self) -> None:
        self._known: dict[object, Spent] = {}
        # arrays are known by identity, so that they must live as long as what is known of them
        self._alive: list[Step] = []

    def layer(
        self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, numbers: tuple[object, ...]
    ) -> Spent:
        """One layer of a kind on one device at a step, whose numbers (but its context) are known by `numbers`."""
        key = (kind, numbers, _known_by(step.context))
        if key in self._known:
            return self._known[key]
        lawful = _lawful(kind, machine, deployment.formats.scheme.plain, bool(numbers[-1]))
        found = self._known.get((kind, numbers))
        if found is None:
            found = Spent()
            _spend_on_passes(found, deployment, machine, lawful.passes, step)
            _spend(found, deployment, machine, lawful.steady, step)
            self._known[kind, numbers] = found
        if lawful.looking_back:
            steady, found = found, Spent()
            found.add(steady)
            _spend(found, deployment, machine, lawful.looking_back, step)
        self._known[key] = found
        self._alive.append(step)
        return found


def numbers_of(step: Step, encodes: bool) -> tuple[object, ...]:
    """What a step's numbers are known by, its context left out; and whether a source is encoded in it."""
    return (_known_by(step.batch), _known_by(step.query), _known_by(step.source), _known_by(step.encoded), encodes)


def _known_by(number: Quantity) -> object:
    return number if isinstance(number, (int, float)) else ("array", id(number))


def _spend_on_passes(
    spent: Spent, deployment: Deployment, machine: Machine, passes: tuple[tuple[Operator, float, Law], ...], step: Step
) -> None:
    """Operators that only move bytes, and what tensor-parallel ranks sum after them."""
    moved: Quantity = 0.0
    for operator, size, _ in passes:
        work = operator.work(step)
        moved = moved + moved_bytes(operator, work, size, deployment.formats, machine.engine)
        spent.flops = spent.flops + work.flops
        _spend_on_sum(spent, deployment, machine, operator, step)
    if passes:
        seconds = moved / passes[0][2].bandwidth
        spent.spend("elementwise", seconds)
        spent.memory_s = spent.memory_s + seconds
        spent.bytes = spent.bytes + moved


def _spend(
    spent: Spent, deployment: Deployment, machine: Machine, lawful: tuple[tuple[Operator, float, Law], ...], step: Step
) -> None:
    """Operators one after the other, and what tensor-parallel ranks sum after them."""
    for operator, size, law in lawful:
        time = operator_time(operator, operator.work(step), size, law, deployment.formats, machine.engine)
        spent.spend(operator.kind, time.seconds)
        spent.compute_s = spent.compute_s + time.compute_s
        spent.memory_s = spent.memory_s + time.memory_s
        spent.flops = spent.flops + time.flops
        spent.bytes = spent.bytes + time.bytes
        _spend_on_sum(spent, deployment, machine, operator, step)


def _spend_on_sum(spent: Spent, deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> None:
    seconds = sum_time(deployment, machine, operator, step)
    if seconds is not None:
        spent.spend("collective", seconds)


def sum_time(deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> Quantity | None:
    """Seconds in which ranks sum what an operator of one layer gives: those of a copy, or of all that share experts.

    None where there is no sum.
    """
    layout = deployment.layout
    if not operator.sums:
        return None
    copies = layout.pooled if operator.expert_count else 1
    if layout.tensor * copies == 1:
        return None
    message = operator.reduced_values(step) * deployment.formats.activation_bytes
    if copies == 1:
        return all_reduce(message, layout.tensor, machine)
    return _exchange(message / copies, operator.visited_share, layout, machine)


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
    work = [(count, kind, step) for count, kind in holding.text]
    work += [(kind.count, kind, source) for kind in holding.encoder if encodes]
    for count, kind, own_step in work:
        for operator, size, form in kind.operators:
            if encodes or not operator.reads_source:
                law = law_of(machine, operator.kind, form, deployment.formats.scheme.plain)
                asked = operator.work(own_step)
                time = operator_time(operator, asked, size, law, deployment.formats, machine.engine)
                yield Timed(count, kind, operator, size, own_step, time)


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
            seconds = sum_time(deployment, machine, one.operator, one.step)
            if seconds is not None:
                sent = found.setdefault(("collective", one.operator.name), OperatorShare())
                sent.seconds += layers * seconds
                sent.layers += layers
    return found


def all_reduce(message: Quantity, ranks: int, machine: Machine) -> Quantity:
    """Seconds to sum `message` bytes over the ranks of one node: one-shot or two-shot, whichever is quicker."""
    law = _reduction(machine, ranks)
    quickest = smaller(law.latency + message * law.one_shot, 1.7 * law.latency + message * law.two_shot)
    return larger(quickest, law.latency + message / law.bandwidth)


def _exchange(message: Quantity, visited: float, layout: Parallelism, machine: Machine) -> Quantity:
    """Seconds in which copies that share experts hand over `message` bytes each, and get as many back.

    In a node every rank gathers all tokens, and the results are summed as they are scattered: twice a one-shot message,
    as much in all as a sum over these ranks. Beyond it a token goes to the ranks of its experts alone, and the ranks of
    a copy, which hand over a share of its tokens each, sum what comes back.
    """
    ranks, near = layout.tensor * layout.pooled, machine.accelerator.link_domain
    own = message / layout.tensor
    inside: Quantity = 0.0
    if near > 1:
        law = _reduction(machine, min(ranks, near))
        inside = 2 * (law.latency + own * law.one_shot)
    if ranks <= near:
        return inside
    facts = table("timing")["collective"]
    sent = own * visited * (ranks - near)
    outside = 2 * (facts["point_to_point"] + sent / facts["network_bandwidth"])
    summed = all_reduce(message, layout.tensor, machine) if layout.tensor > 1 else 0.0
    return larger(inside, outside) + summed


class Reduction(NamedTuple):
    """An all-reduce over some ranks: seconds, and seconds a byte."""

    latency: float
    one_shot: float
    two_shot: float
    bandwidth: float
    """Bytes/s of the link."""


@lru_cache(maxsize=1024)
def _reduction(machine: Machine, ranks: int) -> Reduction:
    facts, accelerator = table("timing")["collective"], machine.accelerator
    link = accelerator.link_between(ranks)
    if link is None:
        raise LayoutError(
            f"{accelerator.name} has no link between devices in the catalogue, so {ranks} that share layers cannot be "
            "timed; use tensor_parallel 1 and expert_parallel 1, or give hardware with ICN (GB/s)."
        )
    # a bridge joins fewer than the node and has no switch
    bridge = link.max_devices is not None and link.max_devices < accelerator.devices_per_node
    switched = accelerator.link is not None and link.name.startswith("NVLink") and not bridge
    two_shot = facts["two_shot" if switched else "two_shot_without_switch"]
    return Reduction(
        latency=facts["base"] + facts["rank"] * ranks + (link.latency_s or 0.0),
        one_shot=(ranks - 1) / (facts["one_shot"] * link.bandwidth),
        two_shot=2 * (ranks - 1) / ranks / (two_shot * link.bandwidth),
        bandwidth=link.bandwidth,
    )


def step_time(deployment: Deployment, step: Step, clock: Clock) -> StepTime:
    """One forward pass of one copy of the model: its stages one after the other.

    Raises LayoutError when tensor parallelism would leave the node, or devices have no link.
    """
    layout, machine = deployment.layout, machine_of(deployment)
    accelerator, host = machine.accelerator, machine.engine.host
    if layout.tensor > accelerator.link_domain:
        raise LayoutError(
            f"tensor_parallel {layout.tensor} exceeds the {accelerator.link_domain} devices of a node of "
            f"{accelerator.name}; use pipeline_parallel or data_parallel beyond a node."
        )
    encodes = somewhere(step.encoded)
    numbers, prefills = numbers_of(step, encodes), step.query > 1
    found, slowest = Spent(), 0.0
    hosted: Quantity = host.step + host.sequence * step.batch
    for holding in holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine):
        stage = Spent()
        launches = holding.depth * (host.layer + prefills * (host.layer_prefill - host.layer))
        for count, kind in holding.text:
            stage.add(clock.layer(deployment, machine, kind, step, numbers), count)
        if encodes:
            source = Step(batch=step.batch, query=step.encoded)
            of_source = numbers_of(source, encodes)
            for kind in holding.encoder:
                stage.add(clock.layer(deployment, machine, kind, source, of_source), kind.count)
            encoder_layers = sum(kind.count for kind in holding.encoder)
            launches = launches + (step.encoded > 0) * host.layer_prefill * encoder_layers
        found.add(stage, holding.alike)
        hosted = hosted + holding.alike * launches
        slowest = larger(slowest, stage.total + launches)
    if layout.pipeline > 1:
        found.spend("pipeline", (layout.pipeline - 1) * _hand_over(deployment, machine, step))
    found.spend("host", hosted)
    found.flops, found.bytes = layout.tensor * found.flops, layout.tensor * found.bytes
    return StepTime(found, slowest)


def _hand_over(deployment: Deployment, machine: Machine, step: Step) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    facts, layout = table("timing")["collective"], deployment.layout
    group = layout.devices_of_copy
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    message = step.tokens * deployment.architecture.hidden_size * deployment.formats.activation_bytes
    seconds: Quantity = facts["point_to_point"] + message / bandwidth
    return seconds
