"""DeepSpeed-MII (FastGen): blocks in all that the weights leave but a reserve; prompts are split among decodes.

Numbers stand in data/engines/deepspeed_mii.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Condition, Place
from .blocks import Blocked

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeepspeedMii(Blocked):
    """MII's pipeline and server over DeepSpeed's second inference engine."""

    TITLE: ClassVar[str] = "DeepSpeed-MII"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda",)
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ()
    SMALL_CACHE: ClassVar[str] = ""
    CHUNK: ClassVar[str] = "max_ragged_batch_size"
    LENGTH: ClassVar[str] = "max_context"
    SEQUENCES: ClassVar[str] = "max_ragged_sequence_count"
    BLOCK: ClassVar[str] = "block_size"

    # --- whether it starts ---

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """All that is free after the weights but a reserve, from which steps live."""
        held = need.context + need.buffers + need.resident + need.adapters
        return Condition(
            name="room for a cache",
            margin=total_bytes - held - int(self.settings["memory_config_size"]),
            parts=dict.fromkeys(("weights", "context", "buffers"), -1.0),
            message=self.facts["messages"]["no_blocks"],
        )

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        return (
            room,
            Condition(
                name="a step within the reserve",
                margin=int(self.settings["memory_config_size"]) - need.activations,
                parts={"activations": -1.0},
                message=messages["memory"],
                starts=False,
            ),
            Condition(
                name="one request of max_context",
                margin=room.margin - request,
                parts=room.parts,
                message=messages["length"],
                starts=False,
            ),
            self.all_at_once(need, room),
        )
