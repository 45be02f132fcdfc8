"""ExLlamaV2 and V3: the whole cache at load, in as many bits as told, and the token table in the host's memory.

Numbers stand in data/engines/exllama.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, ClassVar

from ..units import ceil_div, larger
from .base import Place, Standing
from .described import MIB, Described
from .places import cached_values, caching
from .stored import stored

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..operators import Entry, Operator
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExLlama(Described):
    """ExLlamaV2 up to 0.3, ExLlamaV3 from 1.0, as TabbyAPI starts them."""

    TITLE: ClassVar[str] = "ExLlama"
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("6.0bpw", "5.0bpw", "4.0bpw", "3.0bpw")
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "rocm")
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    CHUNK: ClassVar[str] = "chunk_size"
    LENGTH: ClassVar[str] = "max_seq_len"
    PAGED: ClassVar[bool] = True

    def standing(self, place: Place) -> Standing:
        """The table of tokens is read in the host's memory; a tied head has a copy of its own on the device."""
        tied = any(operator.borrows for _, kind in place.holding.text for operator in kind.layer.operators)
        table = sum(one.total_bytes for one in stored(place.holding) if _is_vocabulary(one.operator))
        return Standing(host=0.0 if tied else table, context=self.context_bytes())

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        """Loading by itself keeps a reserve of each device free."""
        return total_bytes - int(self.settings["autosplit_reserve"]) * MIB

    # --- the cache ---

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Whole pages of a sequence, as many as max_seq_len where it was told; windows are kept whole."""
        page = self.facts["page_tokens"]
        held = page * ceil_div(larger(tokens, int(self.settings.get("max_seq_len", 0))), page)
        total: Quantity = self.state_bytes(place.holding.state, place.formats.activation_bytes)
        for layers in caching(self, place):
            law = layers.operator.cache_law()
            windowed = law is not None and law.growth in ("window", "chunk")
            total = total + layers.total * (held if windowed else layers.operator.cached_entries(held, encoded))
        return total

    def kept_in(self, formats: Formats) -> str:
        mode = str(self.settings["cache_mode"]).lower()
        return super(ExLlama, self).kept_in(formats) if self.facts["cache_bits"][mode] == 16 else mode

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        """Bits of the mode beside half a bit of scales: 16 bits of every 32 values."""
        bits: float = self.facts["cache_bits"][str(self.settings["cache_mode"]).lower()]
        if bits == 16:
            return super(ExLlama, self).entry_bytes(entry, formats)
        return sum(values for _, values in entry) * bits / 8

    # --- the pass ---

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """A chunk's pass and its last logits; a layer of a quantised cache in 16 bits beside it."""
        found = dict(super(ExLlama, self).peaks(place, sequences, tokens, encoded))
        logits = place.architecture.vocab_size * self.facts["logits_rows"] * place.formats.activation_bytes
        found["forward pass"] = found["forward pass"] + logits
        if self.facts["unpacks"] and str(self.settings["cache_mode"]).lower() != "fp16":
            widest = reduce(larger, (layers.most for layers in cached_values(self, place)), 0)
            length = larger(tokens, int(self.settings.get("max_seq_len", 0)))
            found["forward pass"] = found["forward pass"] + sequences * widest * length * 2
        return found


def _is_vocabulary(operator: Operator) -> bool:
    return any(weight.role == "table" and weight.part == "vocabulary" for weight in operator.weights())
