"""Llama 4 with images: a vision transformer, a pixel shuffle and a projector beside the text model of llama4_text."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Buffer, Norm
from ._blocks import equal_heads, feed_forward, plain, pre_norm
from ._encoders import encoder_attention
from ._images import TiledImages
from ._towers import multimodal, tower
from .llama4_text import build as build_text

_TEXT = {"model_type": "llama4_text", "vocab_size": 202_048, "hidden_size": 5120, "num_hidden_layers": 48}
_MOST_TILES = 16  # max_patches of the published preprocessor configs


def build(config: Config) -> Architecture:
    if not config.has("vision_config"):
        config.note("vision_config", "Absent: the text model alone was counted, without its tower.", "warning")
        return multimodal(config, build_text, lambda _: (), defaults=_TEXT)
    vision = config.section("vision_config")
    tile, patch = vision.integer("image_size", default=448), vision.integer("patch_size", default=14)
    positions = (tile // patch) ** 2
    merged = _merged(vision)
    images = TiledImages(
        tile=tile, positions=positions + 1, tokens=positions // merged + 1, max_tiles=_MOST_TILES, fills=True, marks=2
    )
    return multimodal(
        config,
        build_text,
        lambda text: _towers(vision, text.hidden_size, positions, merged),
        images=images,
        defaults=_TEXT,
    )


def _merged(vision: Config) -> int:
    """Patches that the pixel shuffle merges into one token."""
    return round(1 / vision.real("pixel_shuffle_ratio", default=0.5, most=1.0) ** 2)


def _towers(vision: Config, text: int, positions: int, merged: int) -> tuple[Layer, ...]:
    hidden, width = vision.integer("hidden_size", default=768), vision.integer("intermediate_size", default=5632)
    heads = equal_heads(hidden, vision.integer("num_attention_heads", default=16))
    patch = vision.integer("patch_size", default=14)
    block = pre_norm(
        hidden,
        encoder_attention(hidden, heads, path="self_attn", names=("q_proj", "k_proj", "v_proj", "o_proj"), bias=True),
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=True,
    )
    inner = vision.integer("projector_input_dim", default=4096)
    outer = vision.integer("projector_output_dim", default=4096)
    path = "vision_model"
    return (
        tower(
            path,
            (
                plain("patch_embedding.linear", hidden, vision.integer("num_channels", default=3) * patch**2),
                Buffer(name="class_embedding", size=hidden, counted=True),
                Buffer(name="positional_embedding_vlm", size=(positions + 1) * hidden, counted=True),
                Norm(name="layernorm_pre", width=hidden, bias=True),
            ),
        ),
        tower(f"{path}.model.layers.{{index}}", block, vision.integer("num_hidden_layers", default=34)),
        tower(path, (Norm(name="layernorm_post", width=hidden, bias=True),)),
        tower(
            f"{path}.vision_adapter",
            (plain("mlp.fc1", inner, width), plain("mlp.fc2", outer, outer)),
            reduction=merged,
        ),
        tower(
            "multi_modal_projector",
            (plain("linear_1", text, vision.integer("vision_output_dim", default=7680)),),
            reduction=merged,
        ),
    )
