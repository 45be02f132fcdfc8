"""Kimi-VL-A3B: Moonlight (a small DeepSeek-V3) with the tower MoonViT."""

from ..architecture import Architecture
from ..config import Config
from ._images import PaddedImages
from ._towers import multimodal
from ._vision import kimi_tower, merger
from .deepseek_v3 import build as build_text


def build(config: Config) -> Architecture:
    grid, layers = kimi_tower(config.section("vision_config", default={}))
    return multimodal(
        config,
        build_text,
        lambda text: (
            *layers,
            merger(grid, text.hidden_size, "multi_modal_projector", ("linear_1", "linear_2"), norm="pre_norm"),
        ),
        images=PaddedImages(patch=grid.patch, merge=grid.merge, max_patches=4096),
    )
