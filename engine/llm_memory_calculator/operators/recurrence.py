"""Recurrences and the short convolutions and token shifts before them: a state that does not grow with the length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

from ..units import ceil_div
from .base import State, StateChoice, Stateless, Step, Weight, Work, WorkKind
from .linear import Output

StateFormat = Literal["float32", "activations", "either"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalConvolution(Stateless):
    """A depthwise convolution over the last `kernel` tokens of each channel.

    Kept of a sequence: its last `kernel` inputs (transformers; engines keep kernel - 1), or `kept` of them.
    Tensor parallelism shares the units of each run of channels, and replicates those of which there are fewer than
    ranks.
    """

    channels: tuple[Output, ...]
    kernel: int
    bias: bool = False
    kept: int | None = None

    @property
    def kind(self) -> WorkKind:
        return "scan"

    @property
    def width(self) -> int:
        return sum(run.size for run in self.channels)

    def weights(self) -> tuple[Weight, ...]:
        kernels = [Weight(name=run.name, rows=run.size, columns=self.kernel, role="vector") for run in self.channels]
        biases = [Weight(name=f"{run.name}.bias", rows=run.size, role="vector") for run in self.channels]
        return (*kernels, *biases) if self.bias else tuple(kernels)

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, channels=tuple(replace(run, units=ceil_div(run.units, tensor)) for run in self.channels))

    def state(self) -> State:
        return State(window=self.width * (self.kernel if self.kept is None else self.kept))

    def in_engine(self, state: StateChoice) -> Self:
        return self if self.kept is not None else replace(self, kept=self.kernel - 1)

    def work(self, step: Step) -> Work:
        return Work(
            flops=2 * step.tokens * self.width * self.kernel,
            weight_share=1.0,
            # the window of each sequence is read, and written back with the new tokens in it
            activations=2 * step.tokens * self.width + 2 * step.batch * self.state().window,
        )

    def live_values(self) -> int:
        return 2 * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenShift(Stateless):
    """RWKV's mixing of each token with the one before it, once for each of `mixes`: learned vectors of `width`.

    Kept of a sequence: its last token. Every tensor-parallel rank keeps all of it.
    """

    width: int
    mixes: tuple[str, ...]
    streams: int
    """How many mixed inputs it gives (RWKV-6 mixes the inputs of its mixes too)."""

    def weights(self) -> tuple[Weight, ...]:
        return tuple(Weight(name=f"{self.name}.{mix}", rows=self.width, role="vector") for mix in self.mixes)

    def state(self) -> State:
        return State(window=self.width)

    def work(self, step: Step) -> Work:
        values = self.width * (2 * step.batch + step.tokens * (1 + self.streams))
        return Work(activations=values, weight_share=1.0)

    def live_values(self) -> int:
        return (1 + self.streams) * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A learned vector or matrix of a recurrence: `width` values for each of its heads."""

    name: str
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Stateless):
    """A linear recurrence over the tokens: each head keeps a state of key_dim x value_dim.

    Mamba and RG-LRU (a head a channel), Mamba-2, RWKV, the gated delta rule and lightning attention are this with other
    gates. A token updates and reads each value of the state by `flops_per_value` operations, whatever the length, so
    that decode does not slow down and prefill is linear. A `chunk` of tokens runs as matrix products that hand the
    state on from chunk to chunk; without one the recurrence is a scan, value by value.
    Tensor parallelism shares the heads.
    """

    heads: int
    key_dim: int
    value_dim: int = 1
    vectors: tuple[Vector, ...] = ()
    """Learned gates, decays and skips, per head."""
    inputs: int
    """Values a head that a token brings and takes: its inputs and outputs."""
    flops_per_value: int = 5
    """A decay (1), an outer product added to the state (2) and a reading (2); a delta rule reads twice (7)."""
    chunk: int | None = None
    splits: tuple[tuple[str, int], ...] = ()
    """What tensor parallelism must divide besides the heads."""
    keeps: StateFormat = "float32"
    """The format of its state. either: float32 in the model's own code, the format of the activations in engines."""
    fixed: bool = True
    """False: engines can be told of another format."""

    @property
    def kind(self) -> WorkKind:
        return "scan" if self.chunk is None else "recurrence"

    def weights(self) -> tuple[Weight, ...]:
        return tuple(
            Weight(name=vector.name, rows=self.heads, columns=vector.width, role="vector") for vector in self.vectors
        )

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor))

    def state(self) -> State:
        values = self.heads * self.key_dim * self.value_dim
        return State(lean=values) if self.keeps == "activations" else State(recurrent=values)

    @property
    def state_is_chosen(self) -> bool:
        return self.keeps == "either"

    def in_engine(self, state: StateChoice) -> Self:
        if self.fixed:
            return self
        own: StateFormat = "activations" if self.keeps == "either" else self.keeps
        told: dict[StateChoice, StateFormat] = {"auto": own, "fp32": "float32", "model": "activations"}
        return replace(self, keeps=told[state])

    def work(self, step: Step) -> Work:
        _, wide, lean = self.state()
        # one pass writes the state of each chunk, a second reads it
        handed_on = 0 if self.chunk is None else 2 * (step.query - 1) / self.chunk
        moved = step.batch * (2 + handed_on)
        return Work(
            flops=step.tokens * (wide + lean) * self.flops_per_value,
            activations=step.tokens * self.live_values() + lean * moved,
            weight_share=1.0,
            state=wide * moved,
            rows=step.query,
        )

    def live_values(self) -> int:
        return self.heads * self.inputs

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the heads of the recurrence", self.heads), *self.splits)
