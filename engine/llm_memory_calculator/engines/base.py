"""What every serving engine answers about one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..units import ceil_div

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..operators import Entry, State
    from ..operators.base import Split
    from ..report import Note
    from ..units import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCost:
    """Seconds of the host that stand beside a device's time."""

    step: float
    """Of each step, its sampler included."""
    sequence: float
    """Of each sequence of a step."""
    layer: float
    """Of each layer in a step that graphs cover."""
    layer_prefill: float
    """Of each layer in a step that carries prefill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCost:
    """What an engine's kernels take over the chip's own."""

    attention_em: float
    """Decode attention's share of the kernel's efficiency alone."""
    latent_launch: float
    """Seconds of a latent-attention layer in each step."""
    latent_prefill: float
    """Seconds of a latent-attention layer in a step that carries prefill."""
    elementwise_passes: float
    """Passes over memory for each that the bytes say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLayout:
    """How an engine keeps a kind of cached value that it does not keep in the cache's own format."""

    value_bytes: float
    scale_bytes: int = 0
    """Of a scale, where there are some beside the values."""
    scale_values: int = 1
    """Values that share one."""
    scales_padded_to: int = 1
    """Bytes of which all scales of an entry take a multiple."""

    def bytes_of(self, values: int) -> float:
        scales = self.scale_bytes * ceil_div(values, self.scale_values)
        return values * self.value_bytes + ceil_div(scales, self.scales_padded_to) * self.scales_padded_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The range of what is estimated beside weights and cache."""

    low: float
    """Measured over estimated, the lower end."""
    high: float
    evidence: str
    """What it rests on."""


class Engine(Protocol):
    """A serving engine of one version with its settings. Compared and hashed by identity."""

    def __hash__(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def said(self) -> str:
        """The engine in words."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was assumed of it."""
        ...

    @property
    def utilization(self) -> float:
        """Share of what the runtime sees of a device that it may use."""
        ...

    @property
    def step_tokens(self) -> int:
        """Most tokens of a step."""
        ...

    @property
    def spread(self) -> Spread:
        """The range of activations and overhead."""
        ...

    @property
    def host(self) -> HostCost: ...

    @property
    def kernels(self) -> KernelCost: ...

    def budget_bytes(self, usable_bytes: Quantity) -> Quantity:
        """What it may use of a device of which the runtime sees `usable_bytes`."""
        ...

    def context_bytes(self, peers: object) -> Quantity:
        """The device's context and its libraries, alone or with `peers` that share the model."""
        ...

    def buffer_bytes(self, peers: object) -> Quantity:
        """Buffers of communication and the like, outside the allocator."""
        ...

    def graph_bytes(self, layers: int, *, mixes: bool) -> Quantity:
        """Captured graphs of so many layers, with routed experts or without."""
        ...

    def sampler_bytes(self, vocabulary: int, sequences: Quantity) -> Quantity:
        """Peak of the sampler over the logits of `sequences` sequences."""
        ...

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        """Bytes of an entry of a cache."""
        ...

    def state_bytes(self, state: State, activation_bytes: float) -> float:
        """Bytes of what a sequence keeps whatever its length: convolution windows and recurrent states."""
        ...

    @property
    def recurrent_bytes(self) -> float:
        """Bytes of a value of a recurrent state that is not kept in the format of the activations."""
        ...

    @property
    def refused_adapters(self) -> tuple[str, ...]:
        """Fields of PEFT with which it loads no adapter."""
        ...

    def stage_depths(self, depth: int, stages: int) -> tuple[int, ...]:
        """Layers in each stage of a pipeline."""
        ...

    def adapter_shards(self, split: Split, tensor: int, *, fully_sharded: bool) -> tuple[int, int]:
        """Ranks that share A (rank x inputs) and B (outputs x rank) of an adapter of a projection split so."""
        ...
