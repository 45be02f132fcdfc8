"""Optimum Habana: transformers' generate() on Gaudi, with shapes that stay: a batch runs whole, its cache is made once.

Numbers stand in data/engines/optimum_habana.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import ceil_div
from .base import Place
from .places import by_place
from .transformers import Transformers

if TYPE_CHECKING:
    from ..units import Quantity
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptimumHabana(Transformers):
    """Its run_generation with captured graphs."""

    TITLE: ClassVar[str] = "Optimum Habana"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("gaudi",)
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("fp8",)
    SMALL_CACHE: ClassVar[str] = "fp8"

    @property
    def step_tokens(self) -> int:
        """A pass takes its prompts whole."""
        return 2**31

    def _made(self, tokens: Quantity) -> Quantity:
        """As long as prompt and output will be, in whole buckets where there are some."""
        bucket = int(self.settings.get("bucket_size", 1))
        return ceil_div(super(OptimumHabana, self)._made(tokens), bucket) * bucket

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The residual of all tokens: the compiler cuts what is wider into slices, scores that are not fused apart."""
        found = dict(super(OptimumHabana, self).peaks(place, sequences, tokens, encoded))
        if self.settings["attn_implementation"] != "eager":
            found["forward pass"] = self._residual(place) * self._width(place) * sequences * tokens
        return found

    def explained(self, place: Place) -> Mapping[str, str]:
        if self.settings["attn_implementation"] == "eager":
            return super(OptimumHabana, self).explained(place)
        values = f"{self._residual(place):,.0f} values of the residual"
        return {"forward pass": f"{values} x {self._width(place):g} B x tokens of prompts and outputs"}

    @by_place()
    def _residual(self, place: Place) -> float:
        """Values of a token that a pass holds."""
        copies: float = self.facts["residual_copies"]
        return copies * max((kind.residual_width for _, kind in place.holding.text), default=0)
