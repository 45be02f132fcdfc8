"""Step-3.7-Flash: Step-3.5-Flash with an encoder of images; a config without text_config is the text alone."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Convolution, Embedding, Learned, Norm
from ._blocks import feed_forward, plain
from ._images import WindowedImages
from ._towers import UNMOVED, multimodal, tower
from ._vision import image_block, patches, read_grid
from .step3p5 import build as build_text

_FUSED = ("in_proj", "in_proj", "in_proj", "out_proj")


def build(config: Config) -> Architecture:
    if not config.has("text_config"):
        return build_text(config)
    vision = config.section("vision_config", default={})
    vision = vision.renamed(num_hidden_layers="layers", num_attention_heads="heads", hidden_size="width")
    grid = read_grid(vision, hidden=1536, depth=47, heads=16, patch=14, merge=4)
    side, hidden = vision.integer("image_size", default=728), grid.hidden
    count = (side // grid.patch) ** 2
    width = int(hidden * vision.real("mlp_ratio", default=8960 / 1536))
    block = (
        *image_block(
            grid,
            feed_forward(hidden, width, bias=True, names=("c_fc", "c_proj")),
            names=_FUSED,
            norm_bias=True,
            norms=("ln_1", "ln_2"),
            window=count,
        ),
        Learned(name="ls_1.gamma", size=hidden),
        Learned(name="ls_2.gamma", size=hidden),
    )
    bias = config.boolean("projector_bias", default=False)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        first = (
            patches(vision, grid, "conv1", bias=False, frames=False),
            Embedding(name="positional_embedding", entries=count, width=hidden, part="positions"),
            Norm(name="ln_pre", width=hidden, bias=True),
        )
        halve = (
            Convolution(name="vit_downsampler1", inputs=hidden, outputs=2 * hidden, kernel=9),
            Convolution(name="vit_downsampler2", inputs=2 * hidden, outputs=4 * hidden, kernel=9),
        )
        return (
            tower("vision_model", first),
            tower("vision_model.transformer.resblocks.{index}", block, grid.depth),
            tower("vision_model", halve[:1], reduction=4),
            tower("vision_model", halve[1:], reduction=16),
            tower("", (plain("vit_large_projector", text.hidden_size, 4 * hidden, bias),), reduction=16),
        )

    images = WindowedImages(side=side, window=504, patch=grid.patch, stride=4 * grid.patch)
    return multimodal(config, build_text, towers, images=images, moved=UNMOVED)
