"""Kimi-K2.5 to K2.7: Kimi-K2 with the tower MoonViT."""

from ..architecture import Architecture
from ..config import Config
from ._images import PaddedImages
from ._towers import multimodal
from ._videos import FrameVideos, Sampling
from ._vision import kimi_tower, merger
from .deepseek_v3 import build as build_text


def build(config: Config) -> Architecture:
    grid, layers = kimi_tower(config.section("vision_config", default={}))
    return multimodal(
        config,
        build_text,
        lambda text: (*layers, merger(grid, text.hidden_size, "mm_projector", ("proj.0", "proj.2"), norm="pre_norm")),
        images=PaddedImages(patch=grid.patch, merge=grid.merge, max_patches=16_384),
        # "00:00:12.500", begin, "video", content and end around each four frames
        videos=FrameVideos(
            frame=PaddedImages(patch=grid.patch, merge=grid.merge, max_patches=4096),
            sampling=Sampling(fps=2),
            merges=4,
            marks=11,
        ),
    )
