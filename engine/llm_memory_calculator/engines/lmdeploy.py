"""LMDeploy: a share of what is free after the weights, in blocks, by TurboMind or by its PyTorch engine.

Numbers stand in data/engines/lmdeploy.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import smaller, somewhere
from .base import Condition, Place
from .blocks import Blocked
from .places import by_place

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry
    from ..units import Quantity
    from .device import Runtime
    from .settings import Value

# Values of a head that share a scale and a zero of a quantised cache, each in the model's format: those of most models.
_HEAD = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lmdeploy(Blocked):
    """LMDeploy's server."""

    TITLE: ClassVar[str] = "LMDeploy"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "ascend")
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    SHARE: ClassVar[str] = "cache_max_entry_count"
    CHUNK: ClassVar[str] = "max_prefill_token_num"
    LENGTH: ClassVar[str] = "session_len"
    SEQUENCES: ClassVar[str] = "max_batch_size"
    SMALL_CACHE: ClassVar[str] = "int8"
    BLOCK: ClassVar[str] = "cache_block_seq_len"
    DISAGGREGATES: ClassVar[bool] = True
    BY_CARD: ClassVar[tuple[str, ...]] = ("max_batch_size",)

    def default(self, name: str) -> Value | None:
        if name != "max_batch_size":
            return super(Lmdeploy, self).default(name)
        rows: dict[str, int] = self.facts["batches"]
        # by the name that the card gives itself
        return next((rows[row] for row in rows if self.device.name.startswith(row)), rows["other"])

    @property
    def turbomind(self) -> bool:
        return self.settings["backend"] == "turbomind"

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        """All of it: the share is of what is free after the weights, or of the whole in the first releases."""
        return total_bytes

    def kept_in(self, formats: Formats) -> str:
        bits = int(self.settings["quant_policy"])
        return f"int{bits}" if bits in (4, 8) else super(Lmdeploy, self).kept_in(formats)

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        bits = int(self.settings["quant_policy"])
        if bits not in (4, 8):
            return super(Lmdeploy, self).entry_bytes(entry, formats)
        value = bits / 8 + 2 * formats.activation_bytes / _HEAD
        return value * sum(values for _, values in entry)

    @by_place()
    def states_bytes(self, place: Place) -> float:
        """Recurrent states of all sequences that there may be, taken before the cache."""
        facts, batch = self.facts["states"], int(self.settings["max_batch_size"])
        slots = batch if self.turbomind else batch + int(facts["more_slots"])
        return slots * self.state_bytes(place.holding.state, place.formats.activation_bytes)

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Whole blocks alone: states have a place of their own."""
        state = self.state_bytes(place.holding.state, place.formats.activation_bytes)
        return super(Lmdeploy, self).kept_bytes(place, tokens, encoded) - state

    # --- whether it starts ---

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        share, states = float(self.settings[self.SHARE]), self.states_bytes(place)
        loaded = need.context + need.buffers + need.resident + need.adapters
        parts = dict.fromkeys(("weights", "context", "buffers"), -share)
        if self.facts["share_of_total"]:
            # of the whole card, whatever is free
            margin, parts = smaller(share * total_bytes, total_bytes - loaded), {}
        elif self.turbomind:
            margin = share * (total_bytes - loaded) - states
        else:
            margin = share * (total_bytes - loaded - states - self._runtime(place))
        return Condition(
            name="room for a cache", margin=margin, parts=parts, message=self.facts["messages"]["no_blocks"]
        )

    @by_place()
    def _runtime(self, place: Place) -> float:
        """What the PyTorch engine holds back for a step: logits of all its tokens in 16 bits."""
        rows = self.step_tokens + int(self.facts["runtime"]["batches"]) * int(self.settings["max_batch_size"])
        size: float = self.facts["runtime"]["logit_bytes"]
        return size * rows * place.architecture.vocab_size

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        states = self.states_bytes(place)
        found = [
            Condition(
                name="the weights",
                margin=total_bytes - need.context - need.buffers - need.resident - need.adapters,
                parts={"context": -1.0, "buffers": -1.0, "weights": -1.0},
                message="out of memory",
            )
        ]
        if somewhere(states):
            found.append(
                Condition(
                    name="recurrent states of all sequences",
                    margin=room.margin,
                    parts=room.parts,
                    message=messages["states" if self.turbomind else "states_pytorch"],
                )
            )
        return (
            *found,
            room,
            Condition(
                name="a step beside the cache",
                margin=total_bytes - (need.total - need.kept) - states - room.margin,
                parts={part: -1.0 - room.parts.get(part, 0.0) for part in ("weights", "context", "buffers")}
                | {"activations": -1.0},
                message="out of memory",
                starts=False,
            ),
            Condition(
                name="one request of session_len",
                margin=room.margin - request,
                parts=room.parts,
                message=messages["length"],
                starts=False,
            ),
            self.all_at_once(need, room),
        )
