"""transformers: no pages, no share of the memory, no step: a batch runs whole, and its cache grows by copies.

Numbers stand in data/engines/transformers.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import larger, smaller, somewhere
from .base import Condition, Place, Standing
from .described import Described
from .device import TORCH_RUNTIMES
from .places import Layers, by_place, caching
from .stored import stored

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime

FLOAT32 = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transformers(Described):
    """transformers' own generate() and forward passes, on PyTorch."""

    TITLE: ClassVar[str] = "transformers"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = TORCH_RUNTIMES
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("int8", "nf4")
    CHUNK: ClassVar[str] = "prefill_chunk_size"
    BEAMS: ClassVar[bool] = True

    # --- what it holds whatever is asked ---

    def standing(self, place: Place) -> Standing:
        wider = self._widened(place)
        why = "unquantised weights in float32, which it takes where no dtype is given" if wider else ""
        return Standing(loaded=wider, loaded_why=why, context=self.context_bytes())

    def _widened(self, place: Place) -> float:
        """What float32 takes beyond a checkpoint of 16 bits; quantised weights stay as they are."""
        plain = place.formats.scheme.plain
        if self.settings["dtype"] != "float32" or plain.bits >= 8 * FLOAT32:
            return 0.0
        narrow = sum(one.total_bytes for one in stored(place.holding) if one.form == plain)
        return narrow * (FLOAT32 * 8 / plain.bits - 1)

    def _width(self, place: Place) -> float:
        """Bytes of an activation."""
        return FLOAT32 if self.settings["dtype"] == "float32" else place.formats.activation_bytes

    # --- the cache ---

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """The tokens and no more of a dynamic cache; as long as it was made of a static one."""
        held = tokens if self.settings["cache_implementation"] != "static" else self._made(tokens)
        wider = self._width(place) / place.formats.activation_bytes
        total = self.state_bytes(place.holding.state, place.formats.activation_bytes) * wider
        if self.settings["cache_implementation"] == "offloaded":
            # all but the layer that runs and the next one stay in the host's memory
            return total + wider * 2 * self._largest(place, held, encoded)
        for layers in caching(self, place):
            total = total + wider * layers.total * self._entries(layers, held, encoded)
        return total

    def _made(self, tokens: Quantity) -> Quantity:
        return larger(tokens, int(self.settings.get("max_cache_len", 0)))

    def _entries(self, layers: Layers, tokens: Quantity, encoded: Quantity) -> Quantity:
        """What a layer keeps; windows are kept like full attention where a version has none of its own."""
        law = layers.operator.cache_law()
        whole = law is not None and law.growth in ("window", "chunk") and not self.facts["windows"]
        return tokens if whole else layers.operator.cached_entries(tokens, encoded)

    def _largest(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        found: Quantity = 0
        for layers in caching(self, place):
            found = larger(found, layers.most * self._entries(layers, tokens, encoded))
        return found

    # --- the pass ---

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The pass over whole prompts with scores that are not fused and a layer's cache twice; the logits."""
        holding, wider = place.holding, self._width(place) / place.formats.activation_bytes
        found = {
            part: wider * peak
            for part, peak in super(Transformers, self).peaks(place, sequences, tokens, encoded).items()
        }
        if "encoder" in found:
            # it runs before there is a cache
            found["encoder"] = larger(found["encoder"] - sequences * self.kept_bytes(place, tokens, encoded), 0)
        chunk = smaller(tokens, self.step_tokens)
        if self.settings["attn_implementation"] == "eager":
            # scores in the format of the activations and their softmax in float32
            held = sequences * _heads(self, place) * chunk * tokens * (self._width(place) + FLOAT32)
            found["forward pass"] = found["forward pass"] + held
        copied = (
            0
            if self.settings["cache_implementation"] == "static"
            else sequences * self._largest(place, tokens, encoded)
        )
        found["forward pass"] = found["forward pass"] + wider * copied
        if somewhere(holding.samples) and place.architecture.task != "encoder":
            asked = 1 if self.facts["last_logits"] else chunk
            vocabulary = place.architecture.vocab_size * holding.samples
            found["logits"] = sequences * asked * vocabulary * (self._width(place) + FLOAT32)
        return found

    # --- whether it runs ---

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        found = super(Transformers, self).conditions(place, need, longest, total_bytes)
        if self.settings.get("device_map") not in ("auto", "balanced", "sequential"):
            return found
        share = self.facts["device_map_share"]
        offloaded = Condition(
            name="weights within what device_map fills",
            margin=share * (total_bytes - need.context) - need.resident,
            parts={"weights": -1.0, "context": -share},
            message=self.facts["messages"]["offloaded"],
            starts=False,
            warns=True,
        )
        return (*found, offloaded)


@by_place()
def _heads(_: Transformers, place: Place) -> int:
    """Heads that score in the layer with most of them."""
    operators = (operator for _, kind in place.holding.text for operator, _, _ in kind.operators)
    return max((operator.query_heads for operator in operators), default=0)
