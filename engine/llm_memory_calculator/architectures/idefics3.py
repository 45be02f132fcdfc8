"""Idefics3, and SmolVLM: SigLIP over tiles of an image, whose patches are grouped, one matrix, and a Llama."""

import math
from dataclasses import dataclass

from ..architecture import Architecture
from ..config import Config
from ..images import ImageSize
from ._blocks import plain
from ._images import FixedImages
from ._towers import multimodal, siglip, tower
from ._videos import FrameVideos, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitImages:
    """The longest side resized to `longest`, cut into tiles, and the whole image as one more (Idefics3, SmolVLM).

    A tile is marked by its row and column, a row by a line break, the whole image by three tokens.
    """

    tile: int
    longest: int
    positions: int
    tokens: int

    def size(self, height: int, width: int) -> ImageSize:
        long, short = max(height, width), min(height, width)
        shorter = int(self.longest / (long / short))
        shorter += shorter % 2
        across = math.ceil(self.longest / self.tile)
        down = math.ceil(int(across * self.tile / (self.longest / max(1, shorter))) / self.tile)
        rows, columns = (down, across) if width >= height else (across, down)
        if rows * columns == 1:
            return ImageSize(self.positions, self.tokens + 3)
        tokens = rows * (columns * (self.tokens + 2) + 1) + self.tokens + 3
        return ImageSize((rows * columns + 1) * self.positions, tokens)


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={}).completed(
        {"hidden_size": 1152, "num_attention_heads": 16, "patch_size": 32}
    )
    found = siglip(vision, "model.vision_model", head=False)
    group = config.integer("scale_factor", default=2) ** 2
    tokens = found.patches // group
    # a frame in SmolVLM stands between marks as a whole image does, after its time: "\nFrame from 00:12:"
    frame, sampling = FixedImages(positions=found.patches, tokens=tokens), Sampling(fps=1, most=64, nearest=True)
    videos = FrameVideos(frame=frame, sampling=sampling, marks=13) if config.model_type == "smolvlm" else None
    return multimodal(
        config,
        "llama",
        lambda text: (
            *found.layers,
            tower(
                "model.connector.modality_projection",
                (plain("proj", text.hidden_size, found.width * group),),
                reduction=group,
            ),
        ),
        # the published processors resize the longest side to four tiles
        images=SplitImages(
            tile=found.pixels,
            longest=4 * found.pixels,
            positions=found.patches,
            tokens=tokens,
        ),
        videos=videos,
        moved=("model.", "model.text_model."),
    )
