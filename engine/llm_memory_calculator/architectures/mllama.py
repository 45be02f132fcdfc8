"""Llama 3.2 Vision: Llama with layers of cross-attention to the positions of an image, which is no part of the text."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..operators import Convolution, Embedding, Learned, Norm
from ._blocks import (
    Operators,
    attention,
    decoder,
    depth_of,
    equal_heads,
    feed_forward,
    gated_feed_forward,
    grouped,
    plain,
    pre_norm,
    query_key_norms,
    read_heads,
)
from ._encoders import cross_attention, encoder_attention
from ._images import FixedImages
from ._towers import multimodal, tower

_TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "max_position_embeddings": 131_072,
    "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
}
_SHAPES = 8  # canvases of up to four tiles


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    tiles = vision.integer("max_num_tiles", default=4)
    patch = vision.integer("patch_size", default=14)
    positions = (vision.integer("image_size", default=448, least=patch) // patch) ** 2 + 1
    # every image is padded to all tiles, and a tile to a multiple of eight positions
    images = FixedImages(positions=tiles * -(-positions // 8) * 8, tokens=1, attended=tiles * positions)
    return multimodal(
        config,
        build_text,
        lambda text: (
            *_tower(vision, patch, positions, tiles),
            tower(
                "",
                (
                    plain(
                        "multi_modal_projector",
                        text.hidden_size,
                        vision.integer("vision_output_dim", default=7680),
                        bias=True,
                    ),
                ),
            ),
        ),
        images=images,
        defaults=_TEXT,
    )


def build_text(config: Config) -> Architecture:
    """The decoder, with eight more rows in its table than in its head."""
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    across = set(config.integers("cross_attention_layers"))
    if any(index >= depth for index in across):
        raise ConfigError(f"The config's cross_attention_layers names layers beyond its {depth}.")
    forward = gated_feed_forward(hidden, config.integer("intermediate_size"))
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    cross = cross_attention(
        hidden, heads, path="cross_attn", names=names, norms=query_key_norms(heads, path="cross_attn")
    )
    gates: Operators = tuple(Learned(name=f"cross_attn_{block}_gate", size=1) for block in ("attn", "mlp"))

    def block(crosses: bool) -> Operators:
        if crosses:
            return (*pre_norm(hidden, cross, forward), *gates)
        return pre_norm(hidden, attention(hidden, heads), forward)

    stack = grouped([index in across for index in range(depth)], block, "model.layers.{index}")
    # transformers ties nothing, whatever the config says
    untied = config.stating(tie_word_embeddings=False)
    text = decoder(untied, stack)
    table = Embedding(name="model.embed_tokens", entries=text.vocab_size + 8, width=hidden)
    return replace(text, first=replace(text.first, operators=(table,)))


def _tower(config: Config, patch: int, positions: int, tiles: int) -> tuple[Layer, ...]:
    """Local layers and gated global ones, with tables of the positions in a tile and of the tiles in an image."""
    hidden, width = config.integer("hidden_size", default=1280), config.integer("intermediate_size", default=5120)
    heads = equal_heads(hidden, config.integer("attention_heads", "num_attention_heads", default=16))
    shapes = config.values.get("supported_aspect_ratios")
    # one row a shape of canvas, and row 0 for no image
    rows = (len(shapes) if isinstance(shapes, list) else _SHAPES) + 1
    block = pre_norm(
        hidden,
        encoder_attention(hidden, heads, path="self_attn", names=("q_proj", "k_proj", "v_proj", "o_proj")),
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=True,
    )
    gates: Operators = tuple(Learned(name=name, size=1) for name in ("gate_attn", "gate_ffn"))
    around: Operators = ()
    for name in ("pre_tile_positional_embedding", "post_tile_positional_embedding"):
        table = Embedding(name=f"{name}.embedding", entries=rows, width=tiles * hidden, part="positions")
        around += (Learned(name=f"{name}.gate", size=1), table)
    in_tile = "gated_positional_embedding"
    return (
        tower(
            "vision_model",
            (
                Learned(name="class_embedding", size=hidden),
                Convolution(
                    name="patch_embedding",
                    inputs=config.integer("num_channels", default=3),
                    outputs=hidden,
                    kernel=patch * patch,
                    bias=False,
                ),
                Learned(name=f"{in_tile}.gate", size=1),
                Learned(name=f"{in_tile}.embedding", size=positions * hidden),
            ),
        ),
        # looked up once an image: its row is all the positions of all tiles
        tower(
            "vision_model",
            (
                Embedding(
                    name=f"{in_tile}.tile_embedding", entries=rows, width=tiles * positions * hidden, part="positions"
                ),
                *around,
            ),
            reduction=tiles * positions,
        ),
        tower("vision_model", (Norm(name="layernorm_pre", width=hidden, bias=True),)),
        tower(
            "vision_model.transformer.layers.{index}",
            block,
            config.integer("num_hidden_layers", default=32, most=DEEPEST_STACK),
        ),
        tower("vision_model", (Norm(name="layernorm_post", width=hidden, bias=True),)),
        tower(
            "vision_model.global_transformer.layers.{index}",
            (*block, *gates),
            config.integer("num_global_layers", default=8, most=DEEPEST_STACK),
        ),
    )
