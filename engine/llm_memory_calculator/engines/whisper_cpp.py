"""whisper.cpp: caches of whole length made at start, padded, and a compute buffer for each of four graphs at once.

Numbers stand in data/engines/whisper_cpp.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import ceil_div
from .base import Place, Standing
from .described import Described
from .device import GGML_RUNTIMES
from .places import by_place, caching
from .stored import stored

if TYPE_CHECKING:
    from ..units import Quantity
    from .device import Runtime

FLOAT32 = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhisperCpp(Described):
    """whisper.cpp of a Whisper model."""

    TITLE: ClassVar[str] = "whisper.cpp"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = GGML_RUNTIMES
    HEARS_ALONE: ClassVar[bool] = True
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("q8_0", "q5_0")
    ALONE: ClassVar[bool] = True
    BEAM_WIDTH: ClassVar[str] = "beam_size"

    @property
    def step_tokens(self) -> int:
        """A sound of 30 s is encoded whole."""
        return 2**31

    def standing(self, place: Place) -> Standing:
        """Tables of positions and all vectors are kept in float32."""
        wider = sum(
            one.layers * (weight.size * FLOAT32 - weight.size * place.formats.activation_bytes)
            for one in stored(place.holding)
            for weight in one.operator.weights()
            if weight.role == "vector" or weight.part == "positions"
        )
        return Standing(
            loaded=wider, loaded_why="tables of positions and vectors in float32", context=self.context_bytes()
        )

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Of the longest text, for as many decoders as the search has, and of the whole sound, in whole pads."""
        total: Quantity = self._pad(place, encoded)
        for layers in caching(self, place):
            law = layers.operator.cache_law()
            if law is not None and law.growth == "source":
                held = self._padded(layers.operator.cached_entries(tokens, encoded))
            else:
                held = self._decoders * self._padded(place.architecture.max_length or tokens)
            total = total + layers.total * held
        return total

    def _padded(self, positions: Quantity) -> Quantity:
        pad = self.facts["pad"]
        return pad * ceil_div(positions, pad)

    @property
    def _decoders(self) -> int:
        """Caches that are kept of the text: one, or two more than there are beams, against fragments."""
        beams = int(self.settings["beam_size"])
        return int(self.facts["decoders"]) or (beams + 2 if beams > 1 else 1)

    def _pad(self, place: Place, encoded: Quantity) -> Quantity:
        """The cache that flash attention pads the sound's keys in."""
        return FLOAT32 * place.architecture.hidden_size * self._padded(encoded) if self.facts["pad"] > 1 else 0

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The four graphs have buffers of their own, all at once: convolutions, encoder, cross-attention, decoder."""
        facts, width = self.facts["compute"], place.architecture.hidden_size
        row = FLOAT32 * width * encoded
        if self.settings["flash_attn"]:
            encoder = facts["encoder_fused_rows"] * row
        else:
            encoder = facts["encoder_rows"] * row + FLOAT32 * _heads(self, place) * encoded * encoded
        text = FLOAT32 * (place.architecture.max_length or tokens)
        buffers = (
            # both convolutions' outputs, the first twice as long, and the second's input laid out for the product
            width * encoded * (2 * FLOAT32 + 3 * 2 + FLOAT32) + facts["fixed_bytes"],
            encoder,
            row + facts["fixed_bytes"],
            text * (place.architecture.vocab_size + facts["decoder_rows"] * width) + facts["fixed_bytes"],
        )
        return {"compute buffers": sequences * sum(buffers)}


@by_place()
def _heads(_: WhisperCpp, place: Place) -> int:
    """Heads of the encoder."""
    return max((operator.query_heads for kind in place.holding.encoder for operator, _, _ in kind.operators), default=0)
