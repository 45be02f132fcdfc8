"""Qwen2.5-VL: Qwen2-VL with a tower whose layers attend windows of the image, all but a few."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward
from ._towers import tower
from ._vision import beside_qwen2_tower, image_block, merger, patches, read_grid


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    grid = read_grid(vision, hidden=3584, depth=32, heads=16, patch=14)
    width = vision.integer("intermediate_size", default=3420)
    forward = gated_feed_forward(grid.hidden, width, bias=True)
    outputs = vision.integer("out_hidden_size", default=3584)
    whole = set(vision.integers("fullatt_block_indexes", default=(7, 15, 23, 31))) & set(range(grid.depth))
    window = (vision.integer("window_size", default=112) // grid.patch) ** 2
    layers = (
        tower("visual", (patches(vision, grid, "patch_embed.proj", bias=False),)),
        tower(
            "visual.blocks.{index}",
            image_block(grid, forward, window=window),
            [index for index in range(grid.depth) if index not in whole],
        ),
        tower("visual.blocks.{index}", image_block(grid, forward), sorted(whole)),
        merger(grid, outputs, "visual.merger", ("mlp.0", "mlp.2"), norm="ln_q", norm_bias=False),
    )
    return beside_qwen2_tower(config, grid, layers)
