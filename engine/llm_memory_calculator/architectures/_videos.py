"""Rules by which a video becomes positions of a tower and tokens of a language model.

Each is that of a family's video processor (transformers 5.24; Qwen2-VL's by qwen-vl-utils 0.0.14, as its model cards
use it), with the settings that its published models have. Tokens are all that the processor puts in the place of a
video: the marks around its frames and their times, in words, among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from ..images import Images, VideoSize
from ._images import fitted


class Frames(Protocol):
    """How many frames are taken of a video."""

    @property
    def asks(self) -> bool:
        """Whether a rate must be given."""
        ...

    def frames(self, seconds: float, fps: float | None) -> int:
        """At `fps` a second, or as the processor samples where that is None."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """So many frames of a second, within bounds."""

    fps: float | None = None
    """None: the processor takes what it is given."""
    least: int = 1
    most: int | None = None
    longest: float = math.inf
    """Seconds beyond which no more frames are taken."""
    even: int = 0
    """Of an odd number, -1: the last frame is left out (Qwen2-VL), 1: one is taken twice (GLM-4V)."""
    nearest: bool = False
    """The number is rounded, and not cut (SmolVLM)."""
    fixed: int | None = None
    """Frames of any video, unless a rate is asked for (Gemma 4)."""

    @property
    def asks(self) -> bool:
        return self.fps is None and self.fixed is None

    def frames(self, seconds: float, fps: float | None) -> int:
        if fps is None and self.fixed is not None:
            return self.fixed
        wanted = min(seconds, self.longest) * (fps or self.fps or 1)
        found = max(self.least, round(wanted) if self.nearest else int(wanted))
        if self.most is not None:
            found = min(found, self.most)
        return found + self.even * (found % 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppedSampling:
    """A rate that falls with the length of a video, in pairs of frames (GLM-4.6V)."""

    rates: tuple[tuple[float, float], ...] = ((30, 6), (300, 2), (2400, 1))
    """(seconds up to which it is taken, frames of a second); a longer video is taken as if it ended there."""
    most: int = 640

    asks = False

    def frames(self, seconds: float, fps: float | None) -> int:
        taken = min(seconds, self.rates[-1][0])
        found = min(self.most, int(taken * (fps or next(rate for bound, rate in self.rates if taken <= bound))))
        return max(2, found + found % 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameVideos:
    """Each frame is an image by itself, as many tokens as the other."""

    frame: Images
    sampling: Frames
    marks: int = 0
    """Tokens beside those of a frame: begin, end, its time in words."""
    ends: int = 0
    """Tokens after the last frame."""
    merges: int = 1
    """Frames of which the tower gives the mean (Kimi-K2.5: 4)."""

    @property
    def needs_fps(self) -> bool:
        return self.sampling.asks

    def size(self, seconds: float, fps: float | None, height: int, width: int) -> VideoSize:
        frames, one = self.sampling.frames(seconds, fps), self.frame.size(height, width)
        shown = math.ceil(frames / self.merges) * (one.tokens + self.marks) + self.ends
        return VideoSize(frames * one.positions, shown, frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeVideos:
    """Two frames at once become patches, in sides that whole groups of merge x merge fill (Qwen-VL, GLM-4V).

    The bounds count the pixels of a frame, or, with `spans`, of all frames.
    """

    patch: int
    merge: int
    min_pixels: int
    max_pixels: int
    sampling: Frames
    spans: bool = False
    most_tokens: int | None = None
    """Of all frames, where each is bounded by itself: more of them are smaller."""
    marks: int = 0
    """Tokens beside those of a pair of frames."""
    times: bool = False
    """Every character of a pair's time, in seconds with one digit after the point, is one more (Qwen3-VL)."""

    @property
    def needs_fps(self) -> bool:
        return self.sampling.asks

    def size(self, seconds: float, fps: float | None, height: int, width: int) -> VideoSize:
        frames, factor = self.sampling.frames(seconds, fps), self.patch * self.merge
        pairs, most = math.ceil(frames / 2), self.max_pixels
        if self.most_tokens is not None:
            share = self.most_tokens * factor**2 * 2 / frames
            most = int(max(min(most, share), int(1.05 * self.min_pixels)))
        rows, columns = fitted(height, width, factor, self.min_pixels, most, frames if self.spans else None)
        words = sum(len(f"{(pair + 0.5) * seconds / pairs:.1f}") for pair in range(pairs)) if self.times else 0
        shown = pairs * (rows * columns + self.marks) + words
        return VideoSize(pairs * rows * columns * self.merge**2, shown, frames)
