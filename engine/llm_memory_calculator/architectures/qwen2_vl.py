"""Qwen2-VL: Qwen2 with a tower for images of any size, four patches a token."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import feed_forward
from ._towers import tower
from ._vision import beside_qwen2_tower, image_block, merger, patches, read_grid


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    grid = read_grid(vision, hidden=1280, depth=32, heads=16, patch=14, width="embed_dim")
    width, outputs = (
        grid.hidden * vision.integer("mlp_ratio", default=4),
        vision.integer("hidden_size", default=3584),
    )
    forward = feed_forward(grid.hidden, width, bias=True, names=("fc1", "fc2"))
    layers = (
        tower("visual", (patches(vision, grid, "patch_embed.proj", bias=False),)),
        tower("visual.blocks.{index}", image_block(grid, forward, norm_bias=True), grid.depth),
        merger(grid, outputs, "visual.merger", ("mlp.0", "mlp.2"), norm="ln_q"),
    )
    return beside_qwen2_tower(config, grid, layers)
