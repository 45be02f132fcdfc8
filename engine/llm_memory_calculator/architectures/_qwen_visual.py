"""Qwen-VL's encoder of images: OpenCLIP's ViT-bigG, and 256 learned queries that attend its patches."""

from __future__ import annotations

from dataclasses import replace

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..operators import Convolution, Learned, Norm
from ._blocks import Heads, Operators, equal_heads, feed_forward, plain, pre_norm
from ._encoders import encoder_attention
from ._images import FixedImages
from ._towers import tower

_QUERIES = 256
# values a head of the queries' attention
_HEAD = 128
_ATTENTION = ("in_proj", "in_proj", "in_proj", "out_proj")


def encoder(text: Architecture, config: Config) -> Architecture:
    """The decoder with the tower of its `visual` section, inside whose marks every image is as many tokens."""
    path, hidden = "transformer.visual", config.integer("width")
    patch = config.integer("patch_size")
    positions = (config.integer("image_size", least=patch) // patch) ** 2
    outputs = config.integer("output_dim", default=text.hidden_size)
    if outputs % _HEAD or positions % _QUERIES:
        raise ConfigError(
            f"The config's visual.output_dim {outputs} must be a multiple of {_HEAD}, and its {positions} patches of "
            f"{_QUERIES}."
        )
    first: Operators = (
        Convolution(name="conv1", inputs=3, outputs=hidden, kernel=patch**2, bias=False),
        # resized to the image's grid where that has others
        Learned(name="positional_embedding", size=_QUERIES * hidden),
        Norm(name="ln_pre", width=hidden, bias=True),
    )
    attend = encoder_attention(
        hidden, equal_heads(hidden, config.integer("heads")), path="attn", names=_ATTENTION, bias=True
    )
    width = int(hidden * config.real("mlp_ratio", default=4.0, most=64))
    forward = feed_forward(hidden, width, bias=True, names=("c_fc", "c_proj"))
    block = pre_norm(hidden, attend, forward, bias=True, names=("ln_1", "ln_2"))
    reduction = positions // _QUERIES
    heads = Heads(query=outputs // _HEAD, kv=outputs // _HEAD, dim=_HEAD)
    pool: Operators = (
        Learned(name="query", size=_QUERIES * outputs),
        Learned(name="pos_embed", size=_QUERIES * outputs),
        *(Norm(name=name, width=outputs, bias=True) for name in ("ln_q", "ln_kv")),
        *encoder_attention(outputs, heads, path="attn", names=_ATTENTION, bias=True),
    )
    last: Operators = (Norm(name="ln_post", width=outputs, bias=True), plain("proj", outputs, outputs))
    return replace(
        text,
        towers=(
            tower(path, first),
            tower(
                f"{path}.transformer.resblocks.{{index}}",
                block,
                config.integer("layers", most=DEEPEST_STACK),
            ),
            tower(f"{path}.attn_pool", (plain("kv_proj", outputs, hidden),)),
            tower(f"{path}.attn_pool", pool, reduction=reduction),
            tower(path, last, reduction=reduction),
        ),
        images=FixedImages(positions=positions, tokens=_QUERIES + 2),
    )
