"""How many positions an image, a video or a sound is to its tower, and how many tokens to the language model; and what
images are made of.

The rules themselves, each that of a family's processor, stand beside the towers in `architectures/`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from .units import Quantity


class InputSize(NamedTuple):
    """Positions that the tower works on at once, and tokens that the language model receives, of one input."""

    positions: int
    tokens: int
    attended: int = 0
    """Positions that cross-attention layers attend, where the input does not stand among the tokens (Mllama)."""


class ImageSize(InputSize):
    """That of an image."""

    __slots__ = ()


class VideoSize(NamedTuple):
    """That of a video, all of whose frames the tower takes at once."""

    positions: int
    tokens: int
    """With what the processor writes between the frames: marks, times."""
    frames: int
    """As many as are taken of it."""


class Images(Protocol):
    """A model's rule for images."""

    def size(self, height: int, width: int) -> ImageSize:
        """Of an image of height x width pixels."""
        ...


class Videos(Protocol):
    """A model's rule for videos."""

    @property
    def needs_fps(self) -> bool:
        """Whether the model's processor takes the frames that it is given, and samples none by itself."""
        ...

    def size(self, seconds: float, fps: float | None, height: int, width: int) -> VideoSize:
        """Of a video with frames of height x width pixels, `fps` of a second; None: as the processor samples."""
        ...


class Sounds(Protocol):
    """A model's rule for sounds."""

    @property
    def longest(self) -> float | None:
        """Seconds of a sound that are heard at most: what is longer would be cut. None: there is no bound."""
        ...

    @property
    def alone(self) -> bool:
        """Whether engines encode one sound after the other, and not all of a step at once."""
        ...

    def size(self, seconds: float) -> InputSize:
        """Of one sound, without the marks around it."""
        ...


class Compression(NamedTuple):
    """What one latent position of an autoencoder is of what it encodes and decodes."""

    side: int
    """Pixels along a side."""
    frames: int = 1
    """Frames; the first of a video has a latent frame of its own."""
    frames_at_once: int | None = None
    """Frames that are decoded together, where the decoder takes a video in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """What a diffusion model makes images of: the decoder of images works on the pixels, the denoiser on the latents.

    A video is an image of several frames. Sides are rounded up to whole patches of latents.
    """

    scale: int = 8
    """Pixels along a side of a latent position."""
    patch: int = 1
    """Latent positions along a side of one of the denoiser's (2 in SD3: four latents are one token)."""
    channels: int = 4
    """Values of a latent position."""
    passes: int = 2
    """Passes of the denoiser for an image that run at once: two with classifier-free guidance, with the prompt and
    without, unless a pipeline runs them one after the other."""
    learned_guidance: bool = False
    """The strength of the guidance is an input, so that a pipeline that has two passes otherwise runs one (LCM)."""
    prompt: int = 77
    """Positions of the encoded prompt."""
    joint: bool = False
    """The prompt's positions stand beside those of the image (SD3, Flux), and are not attended across."""
    side: int | None = None
    """Latent positions along a side of the images that the model was made for."""
    upcast: bool = False
    """The decoder of images runs in float32 where the weights are in fp16 (SDXL)."""
    frames: int = 1
    """Frames of a video, those that the model's pipeline makes unless it is told otherwise; 1: images."""
    frame_scale: int = 1
    """Frames of a latent frame, the first of which is one frame."""
    frame_patch: int = 1
    """Latent frames of one of the denoiser's positions."""
    frames_at_once: int | None = None
    """Frames that are decoded together; None: all."""
    size_of_pipeline: tuple[int, int] | None = None
    """Height and width in pixels that the model's pipeline makes unless it is told otherwise."""
    decodes: Compression | None = None
    """Of an autoencoder: what its latents are."""

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // self.frame_scale + 1

    @property
    def made_for(self) -> tuple[int, int] | None:
        """Height and width in pixels that are usual, where they are known."""
        if self.side is None:
            return self.size_of_pipeline
        return self.side * self.scale, self.side * self.scale

    def size(self, height: int, width: int) -> ImageSize:
        factor = self.scale * self.patch
        rows, columns = (math.ceil(length / factor) for length in (height, width))
        tokens = rows * columns * math.ceil(self.latent_frames / self.frame_patch)
        pixels = rows * columns * factor**2 * self.frames
        return ImageSize(pixels, tokens + (self.prompt if self.joint else 0))

    @property
    def decoded_together(self) -> int:
        """Frames that are decoded together."""
        return self.frames if self.frames_at_once is None else min(self.frames, self.frames_at_once)

    def values(self, pixels: Quantity) -> Quantity:
        """Latent values of so many pixels, of all frames."""
        return self.channels * pixels / self.scale**2 * self.latent_frames / self.frames
