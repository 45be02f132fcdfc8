"""LLaVA-OneVision: SigLIP over up to 36 tiles, whose features are shrunk to those of nine, and a Qwen2."""

import math

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._llava import SIGLIP_384, canvas_images, image_tower, llava_of_tiles, pooled_videos

_CANVASES = [[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]


def build(config: Config) -> Architecture:
    found = image_tower(config, SIGLIP_384)
    return llava_of_tiles(
        config,
        found,
        "qwen2",
        canvas_images(config, found, _CANVASES, _most_tiles(config)),
        # a frame's patches are resized to half as many along a side, rounded up, and one token ends a video
        videos=pooled_videos(found, math.ceil(found.side / 2), ends=1),
        ties_inside=True,
    )


def _most_tiles(config: Config) -> int:
    aspect = config.text("vision_aspect_ratio", default="anyres_max_9")
    digits = aspect.removeprefix("anyres_max_")
    if not digits.isdecimal():
        raise ConfigError(
            f"The config's vision_aspect_ratio must be anyres_max_ and a number of tiles, and is {shown(aspect)}."
        )
    return int(digits)
