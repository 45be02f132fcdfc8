"""KTransformers: attention, shared and dense parts on the device, all routed experts in the host's memory.

Numbers stand in data/engines/ktransformers.toml, those of time in data/times/ktransformers.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from ..units import larger
from .base import HostLayers, Place, Standing
from .described import Described
from .stored import stored

if TYPE_CHECKING:
    from ..parallel import Parallelism
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KTransformers(Described):
    """KTransformers 0.2 and 0.3 with one card, whose processor runs the experts."""

    TITLE: ClassVar[str] = "KTransformers"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda",)
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    MIXES_ALONE: ClassVar[bool] = True
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("q8_0", "q4_k_m", "q2_k")
    CHUNK: ClassVar[str] = "chunk_prefill_size"
    LENGTH: ClassVar[str] = "cache_lens"
    SEQUENCES: ClassVar[str] = "max_batch_size"

    def settled(self, declared: Iterable[str]) -> Self:
        """With the host's memory and cores by the sockets and the kernels that were told."""
        found = super(KTransformers, self).settled(declared)
        memory = found.kernels.host_memory
        assert memory is not None
        sockets = int(found.settings["sockets"])
        rate = float(found.facts["host_rates"][str(found.settings["cpu_backend"])])
        # each socket has its own copy, and still they slow each other down: the second brings half as much again
        apart = sockets ** -float(found.facts["sockets_apart"])
        memory = replace(memory, reads=memory.reads * apart, rate=rate * sockets * apart)
        return replace(found, kernels=replace(found.kernels, host_memory=memory))

    def refused(self, layout: Parallelism) -> str:
        if layout.devices_of_copy == 1:
            return ""
        return (
            f"KTransformers is described with one card beside the processor, and {layout} shares the model; leave the "
            "layout out, or name engine 'ik_llama_cpp', which deals layers to several."
        )

    def standing(self, place: Place) -> Standing:
        """The experts and the table of tokens stay with the host."""
        host = sum(
            one.total_bytes
            for one in stored(place.holding)
            if one.operator.expert_count or any(weight.role == "table" for weight in one.operator.weights())
        )
        return Standing(host=host, context=self.context_bytes())

    @property
    def leaves_layers(self) -> bool:
        return True

    def on_the_host(self, place: Place) -> Sequence[HostLayers]:
        """The experts of every layer that has some."""
        return tuple(HostLayers(kind=kind, whole=0, experts=count) for count, kind in place.holding.stack if kind.mixes)

    def held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """A cache as long as it was told to keep, or as the sequences need."""
        held = larger(tokens, int(self.settings.get("cache_lens", 0)) / larger(sequences, 1))
        return super(KTransformers, self).held_bytes(place, sequences, held, encoded)
