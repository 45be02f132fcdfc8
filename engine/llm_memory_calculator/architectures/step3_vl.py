"""Step-3: the text of step3_text and an encoder of images that norms the output of each of its blocks."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Convolution, Embedding, Learned
from ._blocks import equal_heads, feed_forward, plain, post_norm
from ._encoders import encoder_attention
from ._images import WindowedImages
from ._towers import UNMOVED, multimodal, tower
from ._vision import patches, read_grid
from .step3_text import build as build_text


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    grid = read_grid(vision, hidden=1792, depth=63, heads=16, patch=14, merge=4)
    side, hidden = vision.integer("image_size", default=728), grid.hidden
    wide, width = vision.integer("output_hidden_size", default=4096), vision.integer("intermediate_size", default=3072)
    positions = (side // grid.patch) ** 2 + 1
    attend = encoder_attention(
        hidden,
        equal_heads(hidden, grid.heads),
        path="self_attn",
        names=("qkv_proj", "qkv_proj", "qkv_proj", "out_proj"),
        bias=True,
        window=positions,
    )
    block = post_norm(
        hidden,
        attend,
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=True,
        names=("layer_norm1", "layer_norm2"),
    )
    bias = config.boolean("projector_bias", default=True)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        first = (
            Learned(name="class_embedding", size=hidden),
            patches(vision, grid, "patch_embedding", bias=True, frames=False),
            Embedding(name="position_embedding", entries=positions, width=hidden, part="positions"),
        )
        return (
            tower("vision_model.embeddings", first),
            tower("vision_model.transformer.layers.{index}", block, grid.depth),
            tower("", (Convolution(name="vit_downsampler", inputs=hidden, outputs=wide, kernel=4),), reduction=4),
            tower("", (Convolution(name="vit_downsampler2", inputs=wide, outputs=2 * wide, kernel=9),), reduction=16),
            tower("", (plain("vit_large_projector", text.hidden_size, 2 * wide, bias),), reduction=16),
        )

    images = WindowedImages(side=side, window=504, patch=grid.patch, stride=4 * grid.patch)
    return multimodal(config, build_text, towers, images=images, moved=UNMOVED)
