"""How many positions an image is to its tower, and how many tokens to the language model; and what images are made of.

The rules themselves, each that of a family's image processor, stand beside the towers in `architectures/`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ImageSize(NamedTuple):
    """Positions that the tower works on, and tokens that the language model receives, of one image."""

    positions: int
    tokens: int
    attended: int = 0
    """Positions that cross-attention layers attend, where the image does not stand among the tokens (Mllama)."""


class Images(Protocol):
    """A model's rule for images."""

    def size(self, height: int, width: int) -> ImageSize:
        """Of an image of height x width pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """What a diffusion model makes images of: the decoder of images works on the pixels, the denoiser on the latents.

    Sides are rounded up to whole patches of latents.
    """

    scale: int = 8
    """Pixels along a side of a latent position."""
    patch: int = 1
    """Latent positions along a side of one of the denoiser's (2 in SD3: four latents are one token)."""
    channels: int = 4
    """Values of a latent position."""
    passes: int = 2
    """Passes of the denoiser for an image in a step: two with classifier-free guidance, with the prompt and without."""
    prompt: int = 77
    """Positions of the encoded prompt."""
    joint: bool = False
    """The prompt's positions stand beside those of the image (SD3, Flux), and are not attended across."""
    side: int | None = None
    """Latent positions along a side of the images that the model was made for."""
    upcast: bool = False
    """The decoder of images runs in float32 where the weights are in fp16 (SDXL)."""

    def size(self, height: int, width: int) -> ImageSize:
        factor = self.scale * self.patch
        rows, columns = (math.ceil(length / factor) for length in (height, width))
        pixels = rows * columns * factor**2
        return ImageSize(pixels, rows * columns + (self.prompt if self.joint else 0))
