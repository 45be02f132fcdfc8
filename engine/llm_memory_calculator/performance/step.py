"""Time of one forward pass on a layout: each kind of layer once, then dealt to the stages; the messages; the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import LayoutError
from ..facts import table
from ..operators import Step
from ..ranks import Holding, Kind, holdings
from ..units import larger, smaller, somewhere
from .machine import law_of, machine_of
from .roofline import OperatorTime, operator_time

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

    seconds: dict[str, Quantity] = field(default_factory=dict)
    """By kind of work."""
    total: Quantity = 0.0
    memory_s: Quantity = 0.0
    compute_s: Quantity = 0.0
    flops: Quantity = 0.0
    bytes: Quantity = 0.0

    def add(self, kind: str, seconds: Quantity) -> None:
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
        self.total = self.total + seconds

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

    step: Step
    seconds: dict[str, Quantity]
    memory_s: Quantity = 0.0
    compute_s: Quantity = 0.0
    flops: Quantity = 0.0
    bytes: Quantity = 0.0
    slowest_stage: Quantity = 0.0
    """Seconds of the stage that takes longest, which is what a full pipeline repeats."""
    steady: dict[Kind, LayerTime] = field(default_factory=dict)
    """Of each kind of layer, the part that does not hang on the tokens before the step."""

    @property
    def total(self) -> Quantity:
        return sum(self.seconds.values())


Lawful = tuple["Operator", float, "Law"]


@lru_cache(maxsize=4096)
def _lawful(
    kind: Kind, machine: Machine, activations: Format, encodes: bool
) -> tuple[tuple[Lawful, ...], tuple[Lawful, ...]]:
    """(operator, bytes of its weights, its law) of a kind of layer: those that do not look back, and those that do.

    Where a step encodes no source, the keys and values of the source are in the cache, and nothing makes them.
    """
    found = [
        (operator, size, law_of(machine, operator.kind, form, activations))
        for operator, size, form in kind.operators
        if encodes or not operator.reads_source
    ]
    steady = tuple(entry for entry in found if not entry[0].looks_back)
    return steady, tuple(entry for entry in found if entry[0].looks_back)


def _time_of(
    deployment: Deployment, machine: Machine, operator: Operator, size: float, law: Law, step: Step
) -> OperatorTime:
    return operator_time(operator.work(step), size, law, deployment.formats, machine.engine.recurrent_bytes)


def _layer_time(deployment: Deployment, machine: Machine, lawful: tuple[Lawful, ...], step: Step) -> LayerTime:
    found, tensor = LayerTime(), deployment.layout.tensor
    for operator, size, law in lawful:
        time = _time_of(deployment, machine, operator, size, law, step)
        found.add(operator.kind, time.seconds)
        found.memory_s = found.memory_s + time.memory_s
        found.compute_s = found.compute_s + time.compute_s
        found.flops = found.flops + time.flops
        found.bytes = found.bytes + time.bytes
        if tensor > 1 and operator.sums:
            message = operator.reduced_values(step) * deployment.formats.activation_bytes
            found.add("collective", all_reduce(message, tensor, machine))
    return found


def operators(
    deployment: Deployment, holding: Holding, step: Step
) -> Iterator[tuple[int, Operator, Step, OperatorTime]]:
    """(layers that have it, operator, its step, its time in one of them) of everything in a stage.

    An encoder's step is one over the positions of the source.
    """
    encodes, machine = somewhere(step.encoded), machine_of(deployment)
    source = Step(batch=step.batch, query=step.encoded)
    work = [(count, kind, step) for count, kind in holding.text]
    work += [(kind.count, kind, source) for kind in holding.encoder if encodes]
    for count, kind, own_step in work:
        for operator, size, form in kind.operators:
            if encodes or not operator.reads_source:
                law = law_of(machine, operator.kind, form, deployment.formats.scheme.plain)
                yield count, operator, own_step, _time_of(deployment, machine, operator, size, law, own_step)


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
        for count, operator, own_step, time in operators(deployment, holding, step):
            layers = holding.alike * count
            share = found.setdefault((operator.kind, operator.name), OperatorShare())
            share.seconds += layers * time.seconds
            share.layers += layers
            share.compute_s += layers * time.compute_s
            share.memory_s += layers * time.memory_s
            if tensor > 1 and operator.sums:
                message = operator.reduced_values(own_step) * deployment.formats.activation_bytes
                sent = found.setdefault(("collective", operator.name), OperatorShare())
                sent.seconds += layers * all_reduce(message, tensor, machine)
                sent.layers += layers
    return found


def all_reduce(message: Quantity, ranks: int, machine: Machine) -> Quantity:
    """Seconds to sum `message` bytes over the ranks of one node: one-shot or two-shot, whichever is quicker."""
    facts = table("timing")["collective"]
    accelerator = machine.accelerator
    link = accelerator.link_between(ranks)
    if link is None:
        raise LayoutError(
            f"{accelerator.name} has no link between devices in the catalogue, so tensor_parallel {ranks} cannot be "
            "timed; use tensor_parallel 1, or give hardware with ICN (GB/s)."
        )
    # a bridge joins fewer than the node and has no switch
    bridge = link.max_devices is not None and link.max_devices < accelerator.devices_per_node
    switched = accelerator.link is not None and link.name.startswith("NVLink") and not bridge
    latency = facts["base"] + facts["rank"] * ranks + (link.latency_s or 0.0)
    two_shot = facts["two_shot" if switched else "two_shot_without_switch"]
    quickest = smaller(
        latency + message * (ranks - 1) / (facts["one_shot"] * link.bandwidth),
        1.7 * latency + 2 * message * (ranks - 1) / ranks / (two_shot * link.bandwidth),
    )
    return larger(quickest, latency + message / link.bandwidth)


def step_time(deployment: Deployment, step: Step, before: StepTime | None = None) -> StepTime:
    """One forward pass of one copy of the model: its stages one after the other.

    before: a step of the same deployment; where it differs in its context alone, only what looks back is timed anew.
    Raises LayoutError when tensor parallelism would leave the node, or devices have no link.
    """
    layout, plain, machine = deployment.layout, deployment.formats.scheme.plain, machine_of(deployment)
    accelerator, host = machine.accelerator, machine.engine.host
    if layout.tensor > accelerator.link_domain:
        raise LayoutError(
            f"tensor_parallel {layout.tensor} exceeds the {accelerator.link_domain} devices of a node of "
            f"{accelerator.name}; use pipeline_parallel or data_parallel beyond a node."
        )
    encodes = somewhere(step.encoded)
    source = Step(batch=step.batch, query=step.encoded)
    steady = before.steady if before is not None and _differs_in_context_alone(before.step, step) else {}
    layers: dict[Kind, LayerTime] = {}
    found = StepTime(step=step, seconds=dict.fromkeys(KINDS, 0.0), steady=steady)
    seconds, prefills = found.seconds, step.query > 1

    def time_of(kind: Kind, own_step: Step) -> LayerTime:
        if kind in layers:
            return layers[kind]
        still, looking_back = _lawful(kind, machine, plain, encodes)
        if kind not in steady:
            steady[kind] = _layer_time(deployment, machine, still, own_step)
        layers[kind] = steady[kind]
        if looking_back:
            layers[kind] = steady[kind] + _layer_time(deployment, machine, looking_back, own_step)
        return layers[kind]

    for holding in holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine):
        stage: Quantity = 0.0
        launches = holding.depth * (host.layer + prefills * (host.layer_prefill - host.layer))
        held = [(count, time_of(kind, step)) for count, kind in holding.text]
        if encodes:
            held += [(kind.count, time_of(kind, source)) for kind in holding.encoder]
            encoder_layers = sum(kind.count for kind in holding.encoder)
            launches = launches + (step.encoded > 0) * host.layer_prefill * encoder_layers
        for count, layer in held:
            times = holding.alike * count
            for kind, spent in layer.seconds.items():
                seconds[kind] = seconds[kind] + times * spent
            found.memory_s = found.memory_s + times * layer.memory_s
            found.compute_s = found.compute_s + times * layer.compute_s
            found.flops = found.flops + times * layout.tensor * layer.flops
            found.bytes = found.bytes + times * layout.tensor * layer.bytes
            stage = stage + count * layer.total
        seconds["host"] = seconds["host"] + holding.alike * launches
        found.slowest_stage = larger(found.slowest_stage, stage + launches)
    if layout.pipeline > 1:
        seconds["pipeline"] = seconds["pipeline"] + (layout.pipeline - 1) * _hand_over(deployment, machine, step)
    seconds["host"] = seconds["host"] + host.step + host.sequence * step.batch
    return found


def _differs_in_context_alone(one: Step, other: Step) -> bool:
    """Whether two steps are made of the very same numbers but for their context."""
    return (
        one.batch is other.batch
        and one.query is other.query
        and one.samples is other.samples
        and one.source is other.source
        and one.encoded is other.encoded
    )


def _hand_over(deployment: Deployment, machine: Machine, step: Step) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    facts, layout = table("timing")["collective"], deployment.layout
    group = layout.tensor * layout.pipeline
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    message = step.tokens * deployment.architecture.hidden_size * deployment.formats.activation_bytes
    seconds: Quantity = facts["point_to_point"] + message / bandwidth
    return seconds
