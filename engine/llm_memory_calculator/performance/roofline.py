"""Time of one operator at one step on one device: launch + what its operations and its bytes take together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ..units import Quantity, choose, larger, logarithm, missed_share, root, smaller, somewhere

if TYPE_CHECKING:
    from ..engines import Engine
    from ..formats.scheme import Formats
    from ..operators import Operator, Routed, Work
    from .machine import AttentionLaw, ExpertsLaw, HostedLaw, ProductLaw


class OperatorTime(NamedTuple):
    """Seconds of one operator, and what they are made of."""

    seconds: Quantity
    compute_s: Quantity
    memory_s: Quantity
    launch_s: Quantity
    flops: Quantity
    """Operations that the work needs, in the form that needs fewer."""
    bytes: Quantity
    absorbed: Any = None
    """Whether latent attention ran absorbed; None for every other operator."""


def moved_bytes(
    work: Work, weight_bytes: float, value_bytes: float, reads: int, formats: Formats, engine: Engine
) -> Quantity:
    """Bytes that a work reads and writes of an operator that stores `weight_bytes` on this device, and each value of
    whose cache is `value_bytes` and is read `reads` times.
    """
    moved = work.weight_share * weight_bytes + work.activations * formats.activation_bytes
    if value_bytes:
        moved = moved + (work.cache_read * reads + work.cache_written) * value_bytes
    return moved + work.state * engine.recurrent_bytes


def value_bytes(operator: Operator, formats: Formats, engine: Engine) -> float:
    """Mean bytes of a value of an operator's cache; 0 where it keeps none."""
    entry = operator.cached_entry()
    return engine.entry_bytes(entry, formats) / sum(values for _, values in entry) if entry else 0.0


def together(compute: Quantity, memory: Quantity) -> Quantity:
    """Seconds of operations and bytes that overlap, and disturb each other most where both take as long: never less
    than either. (Of powers from 1 to 8 the second fits single kernels best.)
    """
    return root(compute * compute + memory * memory)


def product_time(law: ProductLaw, work: Work, moved: Quantity) -> OperatorTime:
    """A matrix product: each tile walks along the inner dimension however few tiles there are, and an input that is
    quantised is read and written once more.
    """
    compute = work.flops / law.rate + law.inner * work.inner
    memory = moved / law.bandwidth
    seconds = law.launch + together(compute, memory)
    if somewhere(law.again):
        seconds = seconds + law.again * work.rows * work.inner
    return OperatorTime(seconds, compute, memory, law.launch, work.flops, moved)


def skew(routed: Routed, spread: float) -> Quantity:
    """Tokens of the fullest of the ranks that share experts over the mean: the largest of so many sums of unequal
    shares, and of the chances of uniform routing; spread: deviation of an expert's popularity over its mean.
    """
    ranks = routed.ranks
    chance = spread**2 * ranks / routed.experts + ranks / (routed.tokens * routed.active)
    return smaller(1.0 + root(2.0 * logarithm(ranks) * chance), ranks)


def experts_time(law: ExpertsLaw, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
    """Routed experts: those that are touched are read, their rows fill up tiles, all rows are sorted and summed."""
    routed = work.routed
    assert routed is not None
    rows = routed.tokens * routed.active / routed.ranks * skew(routed, law.spread)
    rows = smaller(rows, routed.tokens * smaller(routed.active, routed.held))
    touched = routed.held * (1.0 - missed_share(routed.active / routed.experts, rows * routed.ranks / routed.active))
    wider = (routed.intermediate + law.width) / routed.intermediate
    padded = rows + law.ramp * touched * larger(1.0 - touched / larger(rows, 1e-9), 0.0)
    compute = 2 * routed.matrices * routed.hidden * routed.intermediate * wider * padded / law.rate
    memory = touched / routed.held * weight_bytes * wider / law.bandwidth
    passed = law.local_pass * rows * (2 * routed.hidden + 3 * routed.intermediate)
    passed = passed + law.token_pass * routed.tokens * routed.active * routed.hidden
    launch = law.launch + law.launch_expert * routed.held
    seconds = launch + together(compute, memory) + passed
    return OperatorTime(seconds, compute, memory + passed, launch, work.flops, moved)


def attention_time(law: AttentionLaw, work: Work, moved: Quantity) -> OperatorTime:
    """Attention: of prompts the last tile of queries walks along all keys, and short ones fill no tile; a decoding
    sequence reads its cache.
    """
    rows, needed, absorbed = work.rows, work.flops, None
    many = one = work.flops / law.rate
    takes_prompts = somewhere(rows > 1)
    if takes_prompts:
        ramped = work.flops - work.steady_flops
        many = (ramped * (1 + law.ramp / rows) + work.steady_flops) / law.rate
    if work.absorbed_flops is not None:
        other = work.absorbed_flops / law.rate
        absorbed = other <= choose(rows > 1, many, one)
        many, one, needed = smaller(many, other), smaller(one, other), smaller(work.flops, work.absorbed_flops)
    # a few rows of each sequence, as drafted tokens are, run in the kernels of decode where these are quicker: they
    # fill a tile of 16 rows little by little
    token_compute = one * (1 + (rows - 1) / 16) + law.token_inner * work.reach
    token_memory = moved / law.token_bandwidth
    token_s = law.token_launch + together(token_compute, token_memory) + law.row * work.queries * rows
    if not takes_prompts:
        return OperatorTime(token_s, token_compute, token_memory, law.token_launch, needed, moved, absorbed)
    prompt_compute, prompt_memory = many + law.inner * work.reach, moved / law.bandwidth
    prompt_s = law.launch + together(prompt_compute, prompt_memory)
    prompts = (rows > 1) & (prompt_s < token_s)
    return OperatorTime(
        choose(prompts, prompt_s, token_s),
        choose(prompts, prompt_compute, token_compute),
        choose(prompts, prompt_memory, token_memory),
        choose(prompts, law.launch, law.token_launch),
        needed,
        moved,
        absorbed,
    )


def plain_time(rate: float, bandwidth: float, launch: float, work: Work, moved: Quantity) -> OperatorTime:
    """The roofline alone."""
    compute, memory = work.flops / rate, moved / bandwidth
    return OperatorTime(launch + larger(compute, memory), compute, memory, launch, work.flops, moved)


def hosted_time(law: HostedLaw, moved: Quantity, here: OperatorTime) -> OperatorTime:
    """Work whose bytes lie on the host, there or here; `here`: its time on the device."""
    reading, computing = moved / law.bandwidth, here.flops / law.rate
    there = larger(reading, computing)
    crossing = moved / law.link if law.link else math.inf
    stays = there <= crossing + here.seconds
    compute = choose(stays, computing, here.compute_s)
    memory = choose(stays, reading, crossing + here.memory_s)
    seconds = smaller(there, crossing + here.seconds)
    return OperatorTime(seconds, compute, memory, here.launch_s, here.flops, moved, here.absorbed)
