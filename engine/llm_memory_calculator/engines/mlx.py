"""MLX: weights, a cache that grows in steps, and the peak of a prefill chunk, in what Metal shows.

No context, no graphs, no pages. Numbers stand in data/engines/mlx.toml.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import ceil_div, choose, larger, smaller, somewhere
from .base import Condition, Place, Standing
from .described import Described, encoder_bytes, forward_bytes
from .places import Layers, by_growth, by_place, caching, growing_alike

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry
    from ..units import Quantity
    from .device import Runtime

# Bytes of scale and bias that a group of quantised values has, each in 16 bits (QuantizedKVCache).
GROUP_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mlx(Described):
    """mlx-lm on an Apple chip."""

    TITLE: ClassVar[str] = "mlx-lm"
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("mlx_8bit", "mlx_6bit", "mlx_4bit")
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("metal", "cpu")
    CHUNK: ClassVar[str] = "prefill_step_size"

    @property
    def total_bytes(self) -> int | None:
        """What Metal shows, or as much as the owner let it wire (sysctl iogpu.wired_limit_mb)."""
        wired = self.settings.get("wired_limit_mb")
        return self.device.total_bytes if wired is None else int(wired) * 2**20

    def standing(self, place: Place) -> Standing:
        """mlx-lm drops the towers of a checkpoint, which mlx-vlm loads."""
        towers = sum(kind.count * kind.stored_bytes for kind in place.holding.towers)
        if self.settings["towers"] or not towers:
            return Standing()
        return Standing(loaded=-towers, loaded_why="towers for images and sounds that mlx-lm does not load")

    # --- the cache ---

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Whole steps of a cache, windows no longer than they are; all of it quantised once it is long."""
        step, bound = self.facts["cache_step"], self._bound(place)
        total: Quantity = self.state_bytes(place.holding.state, place.formats.activation_bytes)
        quantises = (tokens >= self.settings["quantized_kv_start"]) & (bound == math.inf)
        for layers, plain in zip(caching(self, place), _plain(self, place), strict=True):
            law = layers.operator.cache_law()
            assert law is not None
            reach = law.reach if law.growth in ("window", "chunk") else bound
            held = layers.operator.cached_entries(smaller(step * ceil_div(tokens, step), reach), encoded)
            # a cache that turns cannot be quantised (RotatingKVCache)
            size = choose(quantises, layers.total, plain.total) if law.growth == "tokens" else plain.total
            total = total + held * size
        return total

    @by_place()
    def _bound(self, place: Place) -> float:
        """Tokens at which a cache turns, where one was told; models that make caches of their own are not told."""
        laws = (operator.cache_law() for _, operator in place.holding.caching)
        own = any(place.holding.state) or any(law is not None and law.growth != "tokens" for law in laws)
        return math.inf if own or "max_kv_size" not in self.settings else int(self.settings["max_kv_size"])

    def kept_in(self, formats: Formats) -> str:
        bits = self.settings.get("kv_bits")
        return super(Mlx, self).kept_in(formats) if bits is None else f"{bits}-bit"

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        bits = self.settings.get("kv_bits")
        if bits is None:
            return super(Mlx, self).entry_bytes(entry, formats)
        value = int(bits) / 8 + GROUP_BYTES / int(self.settings["kv_group_size"])
        return value * sum(values for _, values in entry)

    # --- the pass ---

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """A chunk of each prompt: its pass, the logits of all its tokens, unfused scores, and the caches in between."""
        holding, width = place.holding, place.formats.activation_bytes
        if place.architecture.task == "encoder":
            return super(Mlx, self).peaks(place, sequences, tokens, encoded)
        chunk = smaller(tokens, self.step_tokens)
        logits = place.architecture.vocab_size * width * holding.samples
        one = (
            forward_bytes(place, chunk)
            + chunk * (logits + self._scores(place, tokens, chunk) * width)
            + self._caches_between(place, tokens, chunk)
        )
        found = {"prefill chunk": sequences * one}
        if somewhere(holding.encoder_alive):
            found["encoder"] = encoder_bytes(place, sequences, encoded, self.step_tokens)
        return found

    def _scores(self, place: Place, tokens: Quantity, chunk: Quantity) -> Quantity:
        """Scores of a query that the widest layer holds, where its kernel does not fuse them."""
        found: Quantity = 0
        for layers in _unfused(self, place):
            law = layers.operator.cache_law()
            seen = tokens if law is None or law.growth != "window" else smaller(tokens, law.reach + chunk - 1)
            found = larger(found, layers.most * seen)
        return found

    def _caches_between(self, place: Place, tokens: Quantity, chunk: Quantity) -> Quantity:
        """The largest layer's cache once more while it is moved to a longer one, and windows that hold a chunk too."""
        moved: Quantity = 0
        beyond: Quantity = 0
        for layers in caching(self, place):
            law = layers.operator.cache_law()
            if law is not None and law.growth == "window":
                beyond = beyond + layers.total * smaller(larger(tokens - law.reach, 0), larger(chunk - 1, 0))
            else:
                moved = larger(moved, layers.most * layers.operator.cached_entries(tokens))
        return moved + beyond

    # --- whether it runs ---

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        advised = self.facts["advised_share"] * total_bytes
        return (
            *super(Mlx, self).conditions(place, need, longest, total_bytes),
            Condition(
                name="weights within the recommended size",
                margin=advised - need.resident,
                parts={"weights": -1.0},
                message=self.facts["messages"]["close"],
                starts=False,
                warns=True,
            ),
        )


@by_place(growing_alike)
def _plain(engine: Mlx, place: Place) -> tuple[Layers, ...]:
    """Bytes of an entry that is not quantised."""
    return by_growth(
        (layers, operator, Described.entry_bytes(engine, operator.cached_entry(), place.formats))
        for layers, operator in place.holding.caching
    )


@by_place(growing_alike)
def _unfused(engine: Mlx, place: Place) -> tuple[Layers, ...]:
    """Scores of a query and a key that layers hold whose kernels do not fuse them."""
    copies, fused = {"latent_attention": engine.facts["latent_scores"]}, engine.facts["fused_widths"]
    return by_growth(
        (layers, operator, copies.get(operator.kind, 1) * operator.query_heads)
        for layers, operator in place.holding.caching
        if operator.query_width not in fused
    )
