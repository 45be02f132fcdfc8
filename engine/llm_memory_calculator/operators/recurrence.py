"""Recurrences and the short convolutions before them: a state that does not grow with the length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ..units import ceil_div
from .base import State, Stateless, Step, Weight, Work, WorkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalConvolution(Stateless):
    """A depthwise convolution over the last `kernel` tokens of each of `units` x `width` channels.

    Kept of a sequence: its last `kernel` inputs (transformers; an engine may keep kernel - 1). Tensor parallelism
    shares the units.
    """

    units: int
    width: int = 1
    kernel: int
    bias: bool = False
    kept: bool = True
    """False where the family recomputes or does not cache the window."""

    @property
    def channels(self) -> int:
        return self.units * self.width

    def weights(self) -> tuple[Weight, ...]:
        kernel = Weight(name=self.name, rows=self.channels, columns=self.kernel, role="vector")
        bias = Weight(name=f"{self.name}.bias", rows=self.channels, role="vector")
        return (kernel, bias) if self.bias else (kernel,)

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, units=ceil_div(self.units, tensor))

    def state(self) -> State:
        return State(window=self.channels * self.kernel if self.kept else 0)

    def work(self, step: Step) -> Work:
        window = 2 * step.batch * self.state().window
        return Work(
            flops=2 * step.tokens * self.channels * self.kernel,
            activations=2 * step.tokens * self.channels + window,
        )

    def live_values(self) -> int:
        return 2 * self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A learned vector or matrix of a recurrence: `width` values for each of its heads."""

    name: str
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Stateless):
    """A linear recurrence over the tokens: each head keeps a float32 state of key_dim x value_dim.

    Mamba (a head a channel, value_dim 1), Mamba-2 (SSD), RWKV, gated delta rule, lightning attention and RG-LRU
    (key_dim and value_dim 1) are this with other gates. `flops_per_value` operations update and read one value of the
    state for a token: 6 for a decay, an outer product and a reading (2 each), more with a delta rule.
    Tensor parallelism shares the heads.
    """

    heads: int
    key_dim: int
    value_dim: int = 1
    vectors: tuple[Vector, ...] = ()
    """Learned gates, decays and skips, per head."""
    streams: int = 3
    """Inputs and outputs of value_dim values a head that a token reads and writes."""
    flops_per_value: int = 6
    divisor: str = "the heads of the recurrence"

    @property
    def kind(self) -> WorkKind:
        return "recurrence"

    def weights(self) -> tuple[Weight, ...]:
        return tuple(
            Weight(name=vector.name, rows=self.heads, columns=vector.width, role="vector") for vector in self.vectors
        )

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor))

    def state(self) -> State:
        return State(recurrent=self.heads * self.key_dim * self.value_dim)

    def work(self, step: Step) -> Work:
        size = self.state().recurrent
        return Work(
            flops=step.tokens * size * self.flops_per_value,
            activations=step.tokens * self.live_values(),
            state=2 * step.batch * size,
            rows=step.query,
        )

    def live_values(self) -> int:
        return self.streams * self.heads * self.value_dim

    def divides(self) -> tuple[tuple[str, int], ...]:
        return ((self.divisor, self.heads),)
