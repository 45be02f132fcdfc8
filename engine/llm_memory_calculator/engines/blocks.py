"""A pool of blocks that is taken at start, each of so many tokens of all layers: TensorRT-LLM, LMDeploy, TGI, MII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ..units import GIB, ceil_div, choose, larger, smaller, somewhere, whole_down, whole_near, whole_up
from .base import CacheRoom, Condition, Place, Standing
from .described import Described, encoder_bytes, forward_bytes
from .places import by_place

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity


class Cell(NamedTuple):
    """What a device caches of a sequence, bytes over all its layers."""

    full: float
    """Of a token, of layers that keep every one."""
    window: float
    """Of a token, of layers that need keep no more than their window or chunk."""
    reach: int
    """Tokens of the longest window."""
    beside: float
    """Of a token of the windows that compressed attention keeps beside its entries."""
    beside_reach: int
    source: float
    """Of an encoded position."""
    source_length: int
    """Encoded positions where they are always as many, or 0."""


@by_place()
def cell_of(engine: Described, place: Place) -> Cell:
    """What a device caches of a sequence, by how it grows."""
    full = window = beside = source = 0.0
    reach = beside_reach = length = 0
    for layers, operator in place.holding.caching:
        law = operator.cache_law()
        assert law is not None
        size = layers * engine.entry_bytes(operator.cached_entry(), place.formats)
        match law.growth:
            case "tokens":
                full += size / law.ratio
            case "window" | "chunk":
                window, reach = window + size, max(reach, law.reach)
            case "window and ratio":
                full += size / law.ratio if law.ratio else 0.0
                beside, beside_reach = beside + size, max(beside_reach, law.reach)
            case "source":
                source, length = source + size, max(length, law.reach)
    return Cell(full, window, reach, beside, beside_reach, source, length)


def beside_bytes(cell: Cell, tokens: Quantity, encoded: Quantity) -> Quantity:
    """What a sequence keeps that does not grow by blocks: encoded positions, windows of compressed attention."""
    source = choose(cell.source_length > 0, cell.source_length, encoded)
    return cell.source * source + cell.beside * smaller(tokens, cell.beside_reach)


def communication_bytes(engine: Described, place: Place) -> float:
    """NCCL and what libraries load outside the allocator, by link and ranks."""
    if engine.device.runtime not in ("cuda", "rocm"):
        return 0.0
    facts: Mapping[str, float] = engine.facts["non_torch"]
    if place.layout.tensor == 1:
        return facts["alone"] * GIB
    return facts["linked" if engine.device.linked else "bus"] * GIB


def _said(engine: Blocked, place: Place) -> str:
    return f"{len(place.holding.caching)} kinds of layers in blocks of {engine.block_tokens:,}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocked(Described):
    """An engine with such a pool. Windows are kept like full attention."""

    PAGED: ClassVar[bool] = True
    SMALL_CACHE: ClassVar[str] = "fp8"
    BLOCK: ClassVar[str] = ""
    """The setting that says how many tokens a block has."""

    @property
    def block_tokens(self) -> int:
        return int(self.settings[self.BLOCK])

    def standing(self, place: Place) -> Standing:
        loaded: Mapping[str, float] = self.facts["loaded"]
        return Standing(
            loaded=loaded["bytes"] + loaded["share"] * place.holding.weights,
            loaded_why="what loading leaves allocated",
            context=self.context_bytes(),
            buffers=communication_bytes(self, place),
            graphs=self.graphs_bytes(place),
        )

    def graphs_bytes(self, place: Place) -> float:
        """What captured graphs take."""
        return 0.0

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """A step with as many tokens as it takes, which is what such engines run before they size the pool."""
        if place.architecture.task == "encoder":
            return super(Blocked, self).peaks(place, sequences, tokens, encoded)
        found = {"forward pass": forward_bytes(place, self.step_tokens)}
        if somewhere(place.holding.encoder_alive):
            found["encoder"] = encoder_bytes(place, sequences, encoded, self.step_tokens)
        return found

    # --- the pool ---

    def block_bytes(self, place: Place) -> float:
        cell = cell_of(self, place)
        return self.block_tokens * (cell.full + cell.window)

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Whole blocks, and the states of a sequence."""
        blocks = ceil_div(tokens, self.block_tokens) * self.block_bytes(place)
        state = self.state_bytes(place.holding.state, place.formats.activation_bytes)
        return blocks + beside_bytes(cell_of(self, place), tokens, encoded) + state

    def blocks_in(self, place: Place, room_bytes: Quantity) -> Quantity:
        """Whole blocks of a room; of a device without a cache as many as it has bytes."""
        return larger(0, whole_down(room_bytes / larger(self.block_bytes(place), 1)))

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        size = self.block_bytes(place)
        if not somewhere(size):
            return None
        blocks = self.blocks_in(place, room_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        return CacheRoom(
            block_tokens=self.block_tokens,
            block_bytes=whole_near(size),
            groups=1,
            blocks=blocks,
            tokens=blocks * self.block_tokens,
            request_blocks=ceil_div(longest, self.block_tokens),
            request_bytes=whole_up(request),
            concurrency=blocks * size / request,
            parts=() if place.members else (_said(self, place),),
        )

    def all_at_once(self, need: Ledger, room: Condition) -> Condition:
        return Condition(
            name="all sequences at once",
            margin=room.margin - need.kept,
            parts=room.parts,
            message="requests wait, or are preempted",
            starts=False,
            takes="sequences",
        )
