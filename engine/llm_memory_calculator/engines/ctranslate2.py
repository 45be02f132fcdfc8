"""CTranslate2 as faster-whisper runs it: weights in the type of the computation, a cache for each beam.

Numbers stand in data/engines/ctranslate2.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import larger, somewhere
from .base import Place, Standing
from .described import Described
from .places import caching
from .stored import stored

if TYPE_CHECKING:
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CTranslate2(Described):
    """CTranslate2's encoders, decoders and encoder-decoders."""

    TITLE: ClassVar[str] = "CTranslate2"
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("int8",)
    ALONE: ClassVar[bool] = True
    BEAM_WIDTH: ClassVar[str] = "beam_size"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "cpu", "metal")

    @property
    def step_tokens(self) -> int:
        """A pass takes its batch whole."""
        return 2**31

    def standing(self, place: Place) -> Standing:
        kind = str(self.settings["compute_type"])
        why = "" if kind == "default" else f"weights as compute_type {kind} keeps them"
        # what the kernels' libraries take goes with the context: there is none on a CPU
        workspace = self.facts["workspace"]["bytes"] if self.device.runtime == "cuda" else 0.0
        return Standing(
            loaded=self._loaded(place), loaded_why=why, context=self.context_bytes(), buffers=float(workspace)
        )

    def _loaded(self, place: Place) -> float:
        """How much more, or less, weights are in the type of the computation; matrices in int8 have a scale a row."""
        kind = str(self.settings["compute_type"])
        if kind == "default":
            return 0.0
        matrix, vector = (float(size) for size in self.facts["compute_types"][kind])
        found = 0.0
        for one in stored(place.holding):
            for weight in one.operator.weights():
                wide = matrix if weight.columns > 1 else vector
                scales = 4 * weight.copies * weight.rows if wide == 1 else 0
                found += one.layers * (weight.size * wide + scales)
            found -= one.total_bytes
        return found

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Keys and values of each beam; those of the source once for all of them."""
        total: Quantity = self.state_bytes(place.holding.state, place.formats.activation_bytes)
        for layers in caching(self, place):
            law = layers.operator.cache_law()
            beams = 1 if law is not None and law.growth == "source" else int(self.settings["beam_size"])
            total = total + beams * layers.total * layers.operator.cached_entries(tokens, encoded)
        return total

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The encoder, before there is a cache; and a step of the decoder with the logits of each beam in float32."""
        found = dict(super(CTranslate2, self).peaks(place, sequences, tokens, encoded))
        if "encoder" in found:
            found["encoder"] = larger(found["encoder"] - sequences * self.kept_bytes(place, tokens, encoded), 0)
        if somewhere(place.holding.samples) and place.architecture.task != "encoder":
            vocabulary = place.architecture.vocab_size * place.holding.samples
            found["logits"] = 4 * sequences * int(self.settings["beam_size"]) * vocabulary
        return found
