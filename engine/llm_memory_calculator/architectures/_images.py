"""Rules by which an image becomes positions of a tower and tokens of a language model.

Each is that of a family's image processor, with the settings that its published models have. Tokens are all that the
processor puts in the place of an image, marks of rows and tiles among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ArgumentError
from ..images import ImageSize


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedImages:
    """Every image is resized to one size: always as many positions and tokens."""

    positions: int
    tokens: int
    attended: int = 0

    def size(self, height: int, width: int) -> ImageSize:
        return ImageSize(self.positions, self.tokens, self.attended)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeImages:
    """Sides rounded to whole groups of merge x merge patches, and scaled until the pixels are within bounds (Qwen-VL).

    The bounds count the pixels of all `frames` as which an image is given to the tower (GLM-4V: 2), where it is so.
    """

    patch: int
    merge: int
    min_pixels: int
    max_pixels: int
    frames: int | None = None

    def size(self, height: int, width: int) -> ImageSize:
        factor = self.patch * self.merge
        rows, columns = fitted(height, width, factor, self.min_pixels, self.max_pixels, self.frames)
        return ImageSize(rows * columns * self.merge**2, rows * columns)


def fitted(
    height: int, width: int, factor: int, min_pixels: int, max_pixels: int, frames: int | None = None
) -> tuple[int, int]:
    """(rows, columns) of squares of `factor` pixels to which an image is resized, its pixels within the bounds.

    With frames, the bounds are those of all of them, and sides shorter than a square are enlarged first (GLM-4V).
    Raises ArgumentError for a strip that the processors refuse.
    """
    if max(height, width) > 200 * min(height, width):
        raise refused(height, width, "one side more than 200 times the other")
    if frames is not None and min(height, width) < factor:
        scale = factor / min(height, width)
        height, width = int(height * scale), int(width * scale)
    taken = 1 if frames is None else frames
    # a side of less than half a square is none here, and grown below
    rows, columns = round(height / factor), round(width / factor)
    pixels, found = (
        taken * height * width,
        rows * columns * factor**2 * (1 if frames is None else round(frames / 2) * 2),
    )
    if found > max_pixels:
        shrink = math.sqrt(pixels / max_pixels)
        return max(1, math.floor(height / shrink / factor)), max(1, math.floor(width / shrink / factor))
    if found < min_pixels:
        grow = math.sqrt(min_pixels / pixels)
        return math.ceil(height * grow / factor), math.ceil(width * grow / factor)
    return rows, columns


def refused(height: int, width: int, why: str) -> ArgumentError:
    """What is to be raised for a strip that a processor does not take."""
    return ArgumentError(
        f"image_resolution is {height} x {width}, and this model's processor takes no image of that shape ({why}); "
        "give sides that are less unlike."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddedImages:
    """Shrunk until they have at most max_patches patches, then padded to whole groups of merge x merge (Kimi)."""

    patch: int
    merge: int
    max_patches: int
    max_side: int = 512
    """Most patches along one side."""

    def size(self, height: int, width: int) -> ImageSize:
        patches = max(1, height // self.patch) * max(1, width // self.patch)
        longest = self.max_side * self.patch
        scale = min(1.0, math.sqrt(self.max_patches / patches), longest / height, longest / width)
        factor = self.patch * self.merge
        rows, columns = (math.ceil(max(1, int(side * scale)) / factor) for side in (height, width))
        return ImageSize(rows * columns * self.merge**2, rows * columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImages:
    """Shrunk until the longest side fits, a token a group of merge x merge patches and one more a row (Pixtral)."""

    patch: int
    merge: int
    longest: int

    def size(self, height: int, width: int) -> ImageSize:
        shrink = max(1.0, height / self.longest, width / self.longest)
        factor = self.patch * self.merge
        rows, columns = (math.ceil(math.floor(side / shrink) / factor) for side in (height, width))
        if not rows * columns:
            raise refused(height, width, "shrunk until the longer side fits, the other is less than a pixel")
        return ImageSize(rows * columns * self.merge**2, rows * (columns + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledImages:
    """Cut into at most max_tiles tiles, in the grid nearest to the image's shape, and the whole image as one more.

    A larger grid of the same shape is taken where the image fills more than half of it (InternVL, Aya-Vision);
    `fills`: the grid is the one that scales the image least (Command A Vision).
    """

    tile: int
    positions: int
    tokens: int
    max_tiles: int
    min_tiles: int = 1
    fills: bool = False
    marks: int = 0
    """Tokens beside those of the tiles: begin, end and the like."""

    def size(self, height: int, width: int) -> ImageSize:
        columns, rows = self._least_scaled(height, width) if self.fills else self._nearest(height, width)
        tiles = columns * rows
        count = tiles + 1 if tiles > 1 else 1
        return ImageSize(count * self.positions, count * self.tokens + self.marks)

    def _nearest(self, height: int, width: int) -> tuple[int, int]:
        return nearest_grid(height, width, self.tile, grids(self.min_tiles, self.max_tiles))

    def _least_scaled(self, height: int, width: int) -> tuple[int, int]:
        scales = {
            (columns, rows): min(columns * self.tile / width, rows * self.tile / height)
            for columns, rows in grids(1, self.max_tiles)
        }
        enlarging = {grid: scale for grid, scale in scales.items() if scale >= 1}
        if enlarging:
            return min(enlarging, key=lambda grid: enlarging[grid])
        return max(scales, key=lambda grid: scales[grid])


@dataclass(frozen=True, slots=True, kw_only=True)
class PinpointImages:
    """The canvas of those listed that keeps most of the image, cut into tiles, and the whole image as one more.

    The padding of the canvas is cut off again, and every row ends with a token (LLaVA-NeXT). With `max_tiles` the
    features are shrunk to that many tiles where they are more (LLaVA-OneVision).
    """

    tile: int
    side: int
    """Patches along a side of a tile."""
    extra: int
    """Positions of a tile that are no patch: 1 for a class token."""
    canvases: tuple[tuple[int, int], ...]
    max_tiles: int | None = None

    def size(self, height: int, width: int) -> ImageSize:
        down, across = (length // self.tile for length in self._canvas(height, width))
        rows, columns = down * self.side, across * self.side
        if width / height > columns / rows:
            kept = int(round(height * (columns / width), 7))
            rows -= (rows - kept) // 2 * 2
        else:
            kept = int(round(width * (rows / height), 7))
            columns -= (columns - kept) // 2 * 2
        if self.max_tiles is not None:
            shrink = math.sqrt(rows * columns / (self.max_tiles * self.side**2))
            if shrink > 1.1:
                rows, columns = int(rows // shrink), int(columns // shrink)
        tiles = down * across + 1
        return ImageSize(tiles * (self.side**2 + self.extra), rows * (columns + 1) + self.side**2)

    def _canvas(self, height: int, width: int) -> tuple[int, int]:
        def kept_and_lost(canvas: tuple[int, int]) -> tuple[int, int]:
            scale = min(canvas[1] / width, canvas[0] / height)
            kept = min(int(width * scale) * int(height * scale), width * height)
            return kept, kept - canvas[0] * canvas[1]

        return max(self.canvases, key=kept_and_lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class CroppedImages:
    """Crops of one size that cover the image, whole, and the whole image as one more (Phi-3.5-vision, Phi-4).

    A crop is side x side tokens; every row of tokens ends with one more, and one stands between the two parts.
    `enlarges`: the longest side is as many crops as their number allows (Phi-3); else as many as cover it, and the
    tokens of whole patches of padding are left out (Phi-4).
    """

    crop: int
    side: int
    positions: int
    max_crops: int
    enlarges: bool

    def size(self, height: int, width: int) -> ImageSize:
        columns, rows = self._enlarged(height, width) if self.enlarges else self._covering(height, width)
        across, down = columns * self.side, rows * self.side
        if not self.enlarges:
            scale = min(columns * self.crop / width, rows * self.crop / height)
            if int(scale * min(height, width)) < 10:
                raise refused(height, width, "shrunk until it fits, a side is less than 10 pixels")
            across, down = (
                self._kept(length, int(side * scale)) for length, side in ((columns, width), (rows, height))
            )
        tokens = self.side * (self.side + 1) + 1 + down * (across + 1)
        return ImageSize((columns * rows + 1) * self.positions, tokens)

    def _kept(self, crops: int, length: int) -> int:
        patch = self.crop // (2 * self.side)
        return math.ceil((2 * self.side * crops - (crops * self.crop - length) // patch) / 2)

    def _enlarged(self, height: int, width: int) -> tuple[int, int]:
        ratio = max(height, width) / min(height, width)
        columns = 1
        while (columns + 1) * math.ceil((columns + 1) / ratio) <= self.max_crops:
            columns += 1
        rows = max(1, math.ceil(int(columns * self.crop / ratio) / self.crop))
        return (columns, rows) if width >= height else (rows, columns)

    def _covering(self, height: int, width: int) -> tuple[int, int]:
        columns, rows = math.ceil(width / self.crop), math.ceil(height / self.crop)
        if columns * rows <= self.max_crops:
            return columns, rows
        return nearest_grid(height, width, self.crop, grids(1, self.max_crops))


def grids(least: int, most: int) -> list[tuple[int, int]]:
    """(columns, rows) of all grids of `least` to `most` tiles, the small ones first."""
    found = [
        (columns, rows)
        for columns in range(1, most + 1)
        for rows in range(1, most // columns + 1)
        if columns * rows >= least
    ]
    return sorted(found, key=lambda grid: grid[0] * grid[1])


def nearest_grid(height: int, width: int, tile: int, accepted: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """(columns, rows) of the grid nearest in shape; of equal ones the larger, where the image fills half of it."""
    best, least = (1, 1), math.inf
    for columns, rows in accepted:
        off = abs(width / height - columns / rows)
        if off < least or (off == least and width * height > 0.5 * tile**2 * columns * rows):
            best, least = (columns, rows), off
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowedImages:
    """A whole view of `side` pixels, and square windows over an image that is larger or long (Step-3).

    A window is as wide as the shorter side of a long image, else `window` pixels; each is worked on in that size.
    """

    side: int
    window: int
    patch: int
    stride: int
    """Pixels along a side of what becomes one token."""
    longest: int = 3024

    def size(self, height: int, width: int) -> ImageSize:
        rows, columns = self._windows(height, width)
        views = ((self.side, 1), (self.window, rows * columns))
        return ImageSize(
            positions=sum(count * (side // self.patch) ** 2 for side, count in views),
            # each view between two marks, and a mark after each row of windows but the last
            tokens=sum(count * ((side // self.stride) ** 2 + 2) for side, count in views) + max(rows - 1, 0),
        )

    def _windows(self, height: int, width: int) -> tuple[int, int]:
        if min(height, width) < 32 and max(height, width) > 4 * min(height, width):
            height = width = max(height, width)
        if max(height, width) > self.longest:
            scale = self.longest / max(height, width)
            height, width = int(height * scale), int(width * scale)
        short, long = sorted((height, width))
        if long <= self.side and long <= 1.5 * short:
            return 0, 0
        window = short if long <= self.side else self.window
        if long > 4 * short:
            window = min(short, window)
        return self._rounded(height, window), self._rounded(width, window)

    @staticmethod
    def _rounded(side: int, window: int) -> int:
        """Windows along a side: one more where more than a fifth of one is left."""
        if side < window:
            return 1
        return side // window + (side % window > 0.2 * window)
