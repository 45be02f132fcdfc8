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

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..formats.numerics import Format
    from ..operators import Operator
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
class LayerTime:
    """One layer of a kind on one device at one step."""

    seconds: dict[str, Quantity]
    """By kind of work."""
    total: Quantity
    memory_s: Quantity
    compute_s: Quantity
    flops: Quantity
    bytes: Quantity

    def __add__(self, other: LayerTime) -> LayerTime:
        seconds = dict(self.seconds)
        for kind, spent in other.seconds.items():
            seconds[kind] = seconds.get(kind, 0.0) + spent
        return LayerTime(
            seconds,
            self.total + other.total,
            self.memory_s + other.memory_s,
            self.compute_s + other.compute_s,
            self.flops + other.flops,
            self.bytes + other.bytes,
        )


@dataclass(slots=True)
class StepTime:
    """Seconds of one forward pass by kind of work, and its totals over all devices of one copy."""

    seconds: dict[str, Quantity]
    total: Quantity
    memory_s: Quantity
    compute_s: Quantity
    flops: Quantity
    bytes: Quantity
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
        self._known: dict[object, LayerTime] = {}
        # arrays are known by identity, so that they must live as long as what is known of them
        self._alive: list[Step] = []

    def layer_time(
        self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, numbers: tuple[object, ...]
    ) -> LayerTime:
        """One layer of a kind at a step, whose numbers (but its context) are known by `numbers`."""
        key = (kind, numbers, _known_by(step.context))
        if key in self._known:
            return self._known[key]
        lawful = _lawful(kind, machine, deployment.formats.scheme.plain, bool(numbers[-1]))
        found = self._known.get((kind, numbers))
        if found is None:
            found = _passes_time(deployment, machine, lawful.passes, step)
            if lawful.steady:
                found = found + _layer_time(deployment, machine, lawful.steady, step)
            self._known[kind, numbers] = found
        if lawful.looking_back:
            found = found + _layer_time(deployment, machine, lawful.looking_back, step)
        self._known[key] = found
        self._alive.append(step)
        return found


def numbers_of(step: Step, encodes: bool) -> tuple[object, ...]:
    """What a step's numbers are known by, its context left out; and whether a source is encoded in it."""
    return (_known_by(step.batch), _known_by(step.query), _known_by(step.source), _known_by(step.encoded), encodes)


def _known_by(number: Quantity) -> object:
    return number if isinstance(number, (int, float)) else id(number)


def _passes_time(
    deployment: Deployment, machine: Machine, passes: tuple[tuple[Operator, float, Law], ...], step: Step
) -> LayerTime:
    """The operators that only move bytes, and what tensor-parallel ranks sum after them."""
    formats, tensor = deployment.formats, deployment.layout.tensor
    moved: Quantity = 0.0
    flops: Quantity = 0.0
    sent: Quantity = 0.0
    for operator, size, _ in passes:
        work = operator.work(step)
        moved = moved + moved_bytes(work, size, formats, machine.engine.recurrent_bytes)
        flops = flops + work.flops
        if tensor > 1 and operator.sums:
            sent = sent + all_reduce(operator.reduced_values(step) * formats.activation_bytes, tensor, machine)
    spent = moved / passes[0][2].bandwidth if passes else 0.0
    seconds = {"elementwise": spent, "collective": sent} if tensor > 1 else {"elementwise": spent}
    return LayerTime(seconds, spent + sent, spent, 0.0, flops, moved)


def _layer_time(
    deployment: Deployment, machine: Machine, lawful: tuple[tuple[Operator, float, Law], ...], step: Step
) -> LayerTime:
    """Operators one after the other, and what tensor-parallel ranks sum after them."""
    formats, tensor, recurrent_bytes = deployment.formats, deployment.layout.tensor, machine.engine.recurrent_bytes
    spent: dict[str, Quantity] = {}
    total: Quantity = 0.0
    memory_s: Quantity = 0.0
    compute_s: Quantity = 0.0
    flops: Quantity = 0.0
    moved: Quantity = 0.0
    for operator, size, law in lawful:
        time = operator_time(operator.work(step), size, law, formats, recurrent_bytes)
        kind = operator.kind
        spent[kind] = spent.get(kind, 0.0) + time.seconds
        total = total + time.seconds
        memory_s = memory_s + time.memory_s
        compute_s = compute_s + time.compute_s
        flops = flops + time.flops
        moved = moved + time.bytes
        if tensor > 1 and operator.sums:
            sent = all_reduce(operator.reduced_values(step) * formats.activation_bytes, tensor, machine)
            spent["collective"] = spent.get("collective", 0.0) + sent
            total = total + sent
    return LayerTime(spent, total, memory_s, compute_s, flops, moved)


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
                time = operator_time(
                    operator.work(own_step), size, law, deployment.formats, machine.engine.recurrent_bytes
                )
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
    machine, tensor = machine_of(deployment), deployment.layout.tensor
    found: dict[tuple[str, str], OperatorShare] = {}
    for holding in holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, machine.engine):
        for one in operators(deployment, holding, step):
            layers = holding.alike * one.layers
            share = found.setdefault((one.operator.kind, one.operator.name), OperatorShare())
            share.seconds += layers * one.time.seconds
            share.layers += layers
            share.compute_s += layers * one.time.compute_s
            share.memory_s += layers * one.time.memory_s
            if tensor > 1 and one.operator.sums:
                message = one.operator.reduced_values(one.step) * deployment.formats.activation_bytes
                sent = found.setdefault(("collective", one.operator.name), OperatorShare())
                sent.seconds += layers * all_reduce(message, tensor, machine)
                sent.layers += layers
    return found


def all_reduce(message: Quantity, ranks: int, machine: Machine) -> Quantity:
    """Seconds to sum `message` bytes over the ranks of one node: one-shot or two-shot, whichever is quicker."""
    law = _reduction(machine, ranks)
    quickest = smaller(law.latency + message * law.one_shot, 1.7 * law.latency + message * law.two_shot)
    return larger(quickest, law.latency + message / law.bandwidth)


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
            f"{accelerator.name} has no link between devices in the catalogue, so tensor_parallel {ranks} cannot be "
            "timed; use tensor_parallel 1, or give hardware with ICN (GB/s)."
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
    seconds: dict[str, Quantity] = {}
    memory_s: Quantity = 0.0
    compute_s: Quantity = 0.0
    flops: Quantity = 0.0
    moved: Quantity = 0.0
    total: Quantity = 0.0
    slowest: Quantity = 0.0
    hosted: Quantity = host.step + host.sequence * step.batch
    for holding in holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine):
        stage: Quantity = 0.0
        launches = holding.depth * (host.layer + prefills * (host.layer_prefill - host.layer))
        held = [(count, clock.layer_time(deployment, machine, kind, step, numbers)) for count, kind in holding.text]
        if encodes:
            source = Step(batch=step.batch, query=step.encoded)
            of_source = numbers_of(source, encodes)
            held += [
                (kind.count, clock.layer_time(deployment, machine, kind, source, of_source)) for kind in holding.encoder
            ]
            encoder_layers = sum(kind.count for kind in holding.encoder)
            launches = launches + (step.encoded > 0) * host.layer_prefill * encoder_layers
        for count, layer in held:
            times = holding.alike * count
            for work, spent in layer.seconds.items():
                seconds[work] = seconds.get(work, 0.0) + times * spent
            memory_s = memory_s + times * layer.memory_s
            compute_s = compute_s + times * layer.compute_s
            flops = flops + times * layer.flops
            moved = moved + times * layer.bytes
            stage = stage + count * layer.total
        hosted = hosted + holding.alike * launches
        total = total + holding.alike * stage
        slowest = larger(slowest, stage + launches)
    if layout.pipeline > 1:
        seconds["pipeline"] = (layout.pipeline - 1) * _hand_over(deployment, machine, step)
        total = total + seconds["pipeline"]
    seconds["host"] = hosted
    return StepTime(seconds, total + hosted, memory_s, compute_s, layout.tensor * flops, layout.tensor * moved, slowest)


def _hand_over(deployment: Deployment, machine: Machine, step: Step) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    facts, layout = table("timing")["collective"], deployment.layout
    group = layout.tensor * layout.pipeline
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    message = step.tokens * deployment.architecture.hidden_size * deployment.formats.activation_bytes
    seconds: Quantity = facts["point_to_point"] + message / bandwidth
    return seconds
