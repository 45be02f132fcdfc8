"""How many positions an image is to its tower, and how many tokens to the language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ImageSize(NamedTuple):
    """What one image is: positions that the tower works on, tokens in the language model's sequence.

    `attended` positions are what cross-attention layers see of it, where a family has them (Llama 3.2 Vision).
    """

    positions: int
    tokens: int
    attended: int = 0


class Images(Protocol):
    """A model's rule for images."""

    def size(self, height: int, width: int) -> ImageSize:
        """Of an image of height x width pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedImages:
    """Every image is resized to one size: always as many positions and tokens."""

    positions: int
    tokens: int

    def size(self, height: int, width: int) -> ImageSize:
        return ImageSize(self.positions, self.tokens)
