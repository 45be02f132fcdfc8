"""TensorRT-LLM: a share of what is left free, in blocks, after a trial pass (PyTorch) or a built engine (before 1.0).

Numbers stand in data/engines/tensorrt_llm.toml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import GIB, smaller
from .base import Condition, Place
from .blocks import Blocked

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorrtLlm(Blocked):
    """TensorRT-LLM on its PyTorch backend, or with an engine that was built before."""

    TITLE: ClassVar[str] = "TensorRT-LLM"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda",)
    SHARE: ClassVar[str] = "free_gpu_memory_fraction"
    CHUNK: ClassVar[str] = "max_num_tokens"
    LENGTH: ClassVar[str] = "max_seq_len"
    SEQUENCES: ClassVar[str] = "max_batch_size"
    POLLS: ClassVar[str] = "timeout_iters"
    STREAMS: ClassVar[str] = "stream_interval"
    BLOCK: ClassVar[str] = "tokens_per_block"
    BEAMS: ClassVar[bool] = True
    BEAM_WIDTH: ClassVar[str] = "max_beam_width"
    DISAGGREGATES: ClassVar[bool] = True

    @property
    def built(self) -> bool:
        """Whether an engine is built before it is loaded, for so many sequences and tokens."""
        return bool(self.facts["built"])

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        """All of it: the share is of what is free in the end."""
        return total_bytes

    def graphs_bytes(self, place: Place) -> float:
        most = int(self.settings.get("cuda_graph_max_batch_size", 0))
        facts: Mapping[str, float] = self.facts["graphs"]
        return facts["size"] * captured(most) * GIB if most else 0.0

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The trial pass; of a built engine its context, with buffers and decoder of its largest batch beside."""
        found = super(TensorrtLlm, self).peaks(place, sequences, tokens, encoded)
        if not self.built:
            return found
        facts, batch = self.facts["built_bytes"], int(self.settings["max_batch_size"])
        vocabulary = place.architecture.vocab_size * place.holding.samples
        beside = (facts["runtime"] + facts["decoder"]) * batch * int(self.settings["max_beam_width"]) * vocabulary
        return {f"{part}, runtime buffers and decoder": value + beside for part, value in found.items()}

    # --- whether it starts ---

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """The share of what is free after all else, no more than what is allowed."""
        share = float(self.settings[self.SHARE])
        margin = share * self._free(need, total_bytes)
        for most in self._most_bytes(place):
            margin = smaller(margin, most)
        return Condition(
            name="room for a cache",
            margin=margin,
            parts=dict.fromkeys(("weights", "context", "buffers", "activations", "graphs"), -share),
            message=self.facts["messages"]["no_blocks"],
        )

    def _free(self, need: Ledger, total_bytes: Quantity) -> Quantity:
        return total_bytes - (need.total - need.kept)

    def _most_bytes(self, place: Place) -> Iterator[Quantity]:
        """The bounds that were told."""
        if (told := self.settings.get("max_gpu_total_bytes")) is not None:
            yield float(told)
        if (tokens := self.settings.get("max_tokens")) is not None:
            yield int(tokens) // self.block_tokens * self.block_bytes(place)

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        return (
            Condition(
                name="the model",
                margin=total_bytes - need.context - need.buffers - need.resident,
                parts={"context": -1.0, "buffers": -1.0, "weights": -1.0},
                message=messages["model"],
            ),
            room,
            Condition(
                name="one request of max_seq_len",
                margin=room.margin - request,
                parts=room.parts,
                message=messages["length"],
                # it lowers the length and starts
                starts=bool(self.settings.get("fail_fast_on_attention_window_too_large", False)),
            ),
            self.all_at_once(need, room),
        )


def captured(most: int) -> int:
    """How many batch sizes are captured without padding: 1 to 31, 32, 64, 128, then powers of 2."""
    doubled = (size for size in (2**power for power in range(5, 21)) if size <= most)
    return min(most, 31) + sum(1 for _ in doubled)
