"""Text Generation Inference: a warm-up prefill, then blocks in nearly all that it leaves free.

Numbers stand in data/engines/tgi.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import ceil_div, smaller
from .base import Condition, Place
from .blocks import Blocked

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tgi(Blocked):
    """TGI with flash attention."""

    TITLE: ClassVar[str] = "TGI"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "rocm", "cpu", "gaudi", "neuron", "xpu")
    SHARE: ClassVar[str] = "cuda_memory_fraction"
    CHUNK: ClassVar[str] = "max_batch_prefill_tokens"
    LENGTH: ClassVar[str] = "max_total_tokens"
    BLOCK: ClassVar[str] = "block_size"

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        return float(self.settings[self.SHARE]) * total_bytes

    def graphs_bytes(self, place: Place) -> float:
        """Graphs of a few batch sizes, captured in what the blocks leave; without room there are none."""
        size: float = self.facts["graphs"]["bytes"]
        return size if self.settings["cuda_graphs"] else 0.0

    def warm_up_bytes(self, place: Place) -> float:
        """The warm-up batch's own blocks."""
        return ceil_div(self.step_tokens, self.block_tokens) * self.block_bytes(place)

    # --- whether it starts ---

    def _free(self, need: Ledger, total_bytes: Quantity) -> Quantity:
        """What is free of its share while the warm-up batch is held, without that batch."""
        held = need.context + need.buffers + need.resident + need.adapters + need.activations
        return self.budget_bytes(total_bytes) - held

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """What is left after the warm-up, less a margin, and the warm-up batch's blocks."""
        keep, warm_up = float(self.facts["wiggle_room"]), self.warm_up_bytes(place)
        margin = keep * (self._free(need, total_bytes) - warm_up) + warm_up
        if "max_batch_total_tokens" in self.settings and self.facts["total_tokens_lower"]:
            blocks = ceil_div(int(self.settings["max_batch_total_tokens"]), self.block_tokens)
            margin = smaller(margin, blocks * self.block_bytes(place))
        return Condition(
            name="room for a cache",
            margin=margin,
            parts=dict.fromkeys(("weights", "context", "buffers", "activations"), -keep),
            message=self.facts["messages"]["no_blocks"],
        )

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        warm_up = self._free(need, total_bytes) - self.warm_up_bytes(place)
        return (
            Condition(
                name="the warm-up prefill",
                margin=warm_up,
                parts=dict.fromkeys(("weights", "context", "buffers", "activations"), -1.0),
                message=messages["prefill"].replace("{prefill}", str(self.step_tokens)),
            ),
            room,
            Condition(
                name="one request of max_total_tokens",
                margin=room.margin - request,
                parts=room.parts,
                message=messages["length"],
                # where nobody said how long, newer releases take what fits
                starts=bool(self.facts["length_told"]) or "max_total_tokens" in self.given,
            ),
            self.all_at_once(need, room),
        )
