"""Time of one forward pass on a layout: the operators of each stage, the messages between ranks, the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ..architecture import Architecture, Step
from ..errors import LayoutError
from ..facts import table
from ..formats.scheme import Formats, WeightScheme, operator_bytes
from ..memory.ledger import ranks_of
from ..operators import Operator
from ..parallel import Parallelism
from ..units import larger, smaller
from .machine import Law, Machine, law_of
from .roofline import OperatorTime, operator_time

if TYPE_CHECKING:
    from ..units import Quantity

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
    """Seconds of one forward pass by kind of work, and its totals over all devices of one copy."""

    seconds: dict[str, Quantity]
    memory_s: Quantity = 0.0
    compute_s: Quantity = 0.0
    flops: Quantity = 0.0
    bytes: Quantity = 0.0
    slowest_stage: Quantity = 0.0
    """Seconds of the stage that takes longest, which is what a full pipeline repeats."""

    @property
    def total(self) -> Quantity:
        return sum(self.seconds.values())


@lru_cache(maxsize=1024)
def _flat(
    rank: Architecture, scheme: WeightScheme, machine: Machine, *, encoder: bool = False, encodes: bool = False
) -> tuple[tuple[int, Operator, float, Law], ...]:
    """(layers that have it, operator, bytes of its weights, its law) of everything on a rank, or of its encoder.

    Weights that are stored once for several layers are read in each. Where a step encodes no source, the keys and
    values of the source are in the cache, and nothing makes them.
    """
    return tuple(
        (layer.repeat, operator, size, law_of(machine, operator.kind, form, scheme.plain))
        for layer in (rank.encoder if encoder else rank.text_layers())
        for operator, size, form in operator_bytes(layer.self_contained(), scheme)
        if encodes or not operator.reads_source
    )


def operators(
    rank: Architecture, formats: Formats, machine: Machine, step: Step
) -> Iterator[tuple[int, Operator, Step, OperatorTime]]:
    """(layers that have it, operator, its step, its time in one of them) of everything on a rank.

    An encoder's step is one over the positions of the source.
    """
    encodes = bool(step.encoded)
    for repeat, operator, weight_bytes, law in _flat(rank, formats.scheme, machine, encodes=encodes):
        yield repeat, operator, step, operator_time(operator.work(step), weight_bytes, law, formats)
    if encodes and rank.encoder:
        source = Step(batch=step.batch, query=step.encoded)
        for repeat, operator, weight_bytes, law in _flat(rank, formats.scheme, machine, encoder=True):
            yield repeat, operator, source, operator_time(operator.work(source), weight_bytes, law, formats)


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


def step_time(
    architecture: Architecture,
    formats: Formats,
    machine: Machine,
    layout: Parallelism,
    step: Step,
) -> StepTime:
    """One forward pass of one copy of the model: its stages one after the other.

    Raises LayoutError when tensor parallelism would leave the node, or devices have no link.
    """
    accelerator = machine.accelerator
    if layout.tensor > accelerator.link_domain:
        raise LayoutError(
            f"tensor_parallel {layout.tensor} exceeds the {accelerator.link_domain} devices of a node of "
            f"{accelerator.name}; use pipeline_parallel or data_parallel beyond a node."
        )
    found = StepTime(seconds=dict.fromkeys(KINDS, 0.0))
    host = table("timing")["host"]
    prefills = step.query > 1
    seconds = found.seconds
    for _, alike, rank in ranks_of(architecture, layout):
        stage: Quantity = 0.0
        for repeat, operator, own_step, time in operators(rank, formats, machine, step):
            spent = repeat * time.seconds
            times = alike * repeat
            seconds[operator.kind] = seconds[operator.kind] + alike * spent
            found.memory_s = found.memory_s + times * time.memory_s
            found.compute_s = found.compute_s + times * time.compute_s
            found.flops = found.flops + times * layout.tensor * time.flops
            found.bytes = found.bytes + times * layout.tensor * time.bytes
            if layout.tensor > 1 and operator.sums:
                message = operator.reduced_values(own_step) * formats.activation_bytes
                sent = repeat * all_reduce(message, layout.tensor, machine)
                seconds["collective"] = seconds["collective"] + alike * sent
                spent = spent + sent
            stage = stage + spent
        launches = rank.depth * (host["layer"] + prefills * (host["layer_prefill"] - host["layer"]))
        if step.encoded:
            launches = launches + host["layer_prefill"] * sum(layer.repeat for layer in rank.encoder)
        seconds["host"] = seconds["host"] + alike * launches
        found.slowest_stage = larger(found.slowest_stage, stage + launches)
    if layout.pipeline > 1:
        seconds["pipeline"] = seconds["pipeline"] + (layout.pipeline - 1) * _hand_over(
            architecture, formats, machine, layout, step
        )
    seconds["host"] = seconds["host"] + host["step"] + host["sequence"] * step.batch
    return found


def _hand_over(
    architecture: Architecture, formats: Formats, machine: Machine, layout: Parallelism, step: Step
) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    facts = table("timing")["collective"]
    group = layout.tensor * layout.pipeline
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    message = step.tokens * architecture.hidden_size * formats.activation_bytes
    seconds: Quantity = facts["point_to_point"] + message / bandwidth
    return seconds
