"""Laws of local engines (llama.cpp, Ollama, MLX, ExLlama), one for each kind of work, by the number of its rows.

A product takes the quicker of two paths. Kernels for vectors read the weights and unpack them, which overlap, multiply
one row as they do, and further rows one after the other; kernels for matrices fill tiles of rows. Attention of one
token reads the cache and scores it on the vector units, that of prompts runs on the matrix units. Constants stand in
data/times/NAME.toml, launches in HostCost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..units import Quantity, choose, larger, smaller
from .roofline import OperatorTime

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..engines import LocalCost
    from ..formats.numerics import Format
    from ..operators import Work, WorkKind

FLOAT_BYTES = 4
"""Of an activation: all are float32."""
TILE = 32
"""Rows that a kernel for matrices multiplies at the least."""
PASS = 512
"""Rows of the prompts that the shares of the peaks were fitted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProduct:
    """Any product but routed experts; see `time`."""

    bandwidth: float
    """Attainable bytes/s in kernels for vectors, the weights' unpacking included."""
    vector_rate: float
    """FLOP/s of each row beyond the first in these."""
    pass_bandwidth: float
    """Attainable bytes/s in kernels for matrices, expanded copies of the weights included."""
    rate: float
    """FLOP/s of a pass of prompts."""
    tile_rate: float
    """FLOP/s of a single tile."""
    result: float
    """Seconds of each activation value."""

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        """Seconds = min(bytes / bandwidth + 2 P (rows - 1) / vector rate, bytes / pass bandwidth + 2 P tiled)
        + result x activations.

        tiled: the larger of rows / rate and the line that gives one tile at 32 rows, and rows / rate at 512.
        """
        rows, read = work.rows, work.weight_share * weight_bytes
        row = work.flops / larger(rows, 1e-9)
        slope = (PASS / self.rate - TILE / self.tile_rate) / (PASS - TILE)
        tiled = TILE / self.tile_rate + slope * (larger(rows, TILE) - TILE)
        vectors = row * larger(rows - 1, 0) / self.vector_rate
        return _quicker(self, work, moved, read, vectors, row * larger(tiled, rows / self.rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExperts:
    """Routed experts: those that are touched are read; see `time`."""

    bandwidth: float
    vector_rate: float
    pass_bandwidth: float
    rate: float
    pad: float
    """Rows that each touched expert is filled up by in tiles."""
    result: float

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        """Seconds = min(bytes / bandwidth + operations of all tokens but one / vector rate, bytes / pass bandwidth +
        (operations + those of pad rows of each touched expert) / rate) + result x activations. Bytes: of these experts.
        """
        routed = work.routed
        assert routed is not None
        read = work.weight_share * weight_bytes
        row = 2 * routed.matrices * routed.hidden * routed.intermediate
        vectors = work.flops * larger(1 - 1 / larger(routed.tokens, 1e-9), 0) / self.vector_rate
        padding = self.pad * row * work.weight_share * routed.held
        return _quicker(self, work, moved, read, vectors, (work.flops + padding) / self.rate)


def _quicker(
    law: LocalProduct | LocalExperts, work: Work, moved: Quantity, read: Quantity, vectors: Quantity, tiles: Quantity
) -> OperatorTime:
    """The path that takes less: in kernels for vectors, or in those for matrices."""
    one, many = read / law.bandwidth, read / law.pass_bandwidth
    by_vectors = one + vectors <= many + tiles
    compute = choose(by_vectors, vectors, tiles)
    memory = choose(by_vectors, one, many) + law.result * work.activations
    return OperatorTime(compute + memory, compute, memory, 0.0, work.flops, moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAttention:
    """Attention, recurrences and scans; see `time`."""

    bandwidth: float
    """Attainable bytes/s of cache and states."""
    rate: float
    """FLOP/s of prompts."""
    token_rate: float
    """FLOP/s of one token a sequence."""
    result: float
    activation_bytes: float
    """Of each value that `moved` counts beside cache, states and weights."""
    absorbs: bool

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        """Seconds = bytes / bandwidth + operations / rate (of one token, or of prompts, which are no quicker) + result
        x activations.
        """
        flops, absorbed = work.flops, None
        if work.absorbed_flops is not None:
            absorbed = self.absorbs or work.absorbed_flops <= flops
            flops = work.absorbed_flops if self.absorbs else smaller(flops, work.absorbed_flops)
        one = flops / self.token_rate
        compute = choose(work.rows > 1, larger(flops / self.rate, one / larger(work.rows, 1)), one)
        beside = larger(moved - work.activations * self.activation_bytes, 0)
        memory = beside / self.bandwidth + self.result * work.activations
        return OperatorTime(compute + memory, compute, memory, 0.0, flops, moved, absorbed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPass:
    """What only moves activations."""

    bandwidth: float

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        memory = moved / self.bandwidth
        return OperatorTime(memory, 0.0, memory, 0.0, work.flops, moved)


LocalLaw = LocalProduct | LocalExperts | LocalAttention | LocalPass


def local_law(
    cost: LocalCost, accelerator: Accelerator, vector_peak: float, kind: WorkKind, form: Format, activations: Format
) -> LocalLaw:
    """The law of an operator whose weights are stored in `form` and whose activations are counted in `activations`."""
    memory, peak = accelerator.memory_bandwidth, local_peak(cost, accelerator)
    result = cost.activations * FLOAT_BYTES / memory
    activation_bytes = activations.bits / 8
    if kind == "elementwise":
        return LocalPass(bandwidth=activation_bytes / result if result else math.inf)
    if kind not in ("matmul", "experts"):
        token_rate = integer_rate(cost, accelerator, vector_peak) / cost.attention if cost.attention else math.inf
        return LocalAttention(
            bandwidth=memory * cost.cache * cost.bandwidth,
            rate=peak * cost.attention_share,
            token_rate=token_rate,
            result=result,
            activation_bytes=activation_bytes,
            absorbs=cost.absorbs,
        )
    group = class_of(form)
    share = min(1.0, cost.share.get(form.name) or cost.share.get(group) or cost.share["any"])
    bits = form.bits_per_weight()
    unpacks = cost.unpacks.get(form.name, cost.unpacks.get(group, 0.0))
    unpack = unpacks * 8 / bits / integer_rate(cost, accelerator, vector_peak)
    read = 1 / (cost.reads.get(form.name, cost.reads.get(group, 1.0)) * memory)
    bandwidth = cost.bandwidth / math.cbrt(read**3 + unpack**3)
    expands = cost.expands * 8 / bits if form.quantized else 0.0
    pass_bandwidth = memory / (cost.pass_reads + expands)
    peak *= cost.rate
    vector_rate = peak * min(cost.vector, share)
    if kind == "experts":
        return LocalExperts(
            bandwidth=bandwidth,
            vector_rate=vector_rate,
            pass_bandwidth=pass_bandwidth,
            rate=peak * share * cost.experts_share,
            pad=cost.experts_pad,
            result=result,
        )
    return LocalProduct(
        bandwidth=bandwidth,
        vector_rate=vector_rate,
        pass_bandwidth=pass_bandwidth,
        rate=peak * share,
        tile_rate=peak * min(cost.tile, share),
        result=result,
    )


def class_of(form: Format) -> str:
    """The class of bits of a format, scales included; "32" for what is read as it is."""
    bits = form.bits_per_weight()
    if bits >= 30:
        return "32"
    if bits >= 12:
        return "bf16" if form.name == "bf16" else "16"
    if bits >= 7.2:
        return "8"
    if bits >= 4:
        return "4"
    return "iq" if form.name.startswith("iq") else "3"


def local_peak(cost: LocalCost, accelerator: Accelerator) -> float:
    """The FLOP/s that products are a share of: the first peak that the accelerator has, else its largest."""
    peaks = accelerator.peak_flops
    for name, factor in cost.peaks:
        if name in peaks:
            return peaks[name] * factor
    return max(peaks.values())


def knows_peak(cost: LocalCost, accelerator: Accelerator) -> bool:
    """Whether the accelerator has the peaks that the constants were fitted to, and not others in their place."""
    return any(name in accelerator.peak_flops for name, _ in cost.peaks[:2]) and "fp32" in accelerator.peak_flops


def integer_rate(cost: LocalCost, accelerator: Accelerator, vector_peak: float) -> float:
    """Operations/s of the vector units on whole numbers."""
    return vector_peak * (0.5 if accelerator.compute_capability in cost.halved else 1.0)
