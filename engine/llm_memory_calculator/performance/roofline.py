"""Time of one operator at one step on one device: launch + the slower of its operations and its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..units import Quantity, larger, smaller

if TYPE_CHECKING:
    from ..engines import Engine
    from ..formats.scheme import Formats
    from ..operators import Operator, Work
    from .machine import Law


class OperatorTime(NamedTuple):
    """Seconds of one operator, and what they are made of."""

    seconds: Quantity
    compute_s: Quantity
    memory_s: Quantity
    flops: Quantity
    """Operations that the work needs, in the form that needs fewer."""
    bytes: Quantity
    absorbed: Any = None
    """Whether latent attention ran absorbed; None for every other operator."""


def moved_bytes(operator: Operator, work: Work, weight_bytes: float, formats: Formats, engine: Engine) -> Quantity:
    """Bytes that a work of an operator reads and writes, which stores `weight_bytes` on this device."""
    moved = work.weight_share * weight_bytes + work.activations * formats.activation_bytes
    entry = operator.cached_entry()
    if entry:
        value_bytes = engine.entry_bytes(entry, formats) / sum(values for _, values in entry)
        moved = moved + (work.cache_read + work.cache_written) * value_bytes
    return moved + work.state * engine.recurrent_bytes


def operator_time(
    operator: Operator, work: Work, weight_bytes: float, law: Law, formats: Formats, engine: Engine
) -> OperatorTime:
    """The roofline of `work` of an operator under its law."""
    moved = moved_bytes(operator, work, weight_bytes, formats, engine)
    prefills = work.rows > 1
    flops = work.flops + law.padding_rows * work.groups * work.flops_per_row
    ramped = flops - work.steady_flops
    compute = (ramped * (1 + prefills * law.ramp / work.rows) + work.steady_flops) / law.rate
    needed, absorbed = work.flops, None
    if work.absorbed_flops is not None:
        other = work.absorbed_flops / law.rate
        absorbed = other <= compute
        compute, needed = smaller(compute, other), smaller(work.flops, work.absorbed_flops)
    memory = moved / law.bandwidth
    seconds = law.t0 + prefills * law.prefill_t0 + larger(compute, memory)
    return OperatorTime(seconds, compute, memory, needed, moved, absorbed)
