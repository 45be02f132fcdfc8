"""OLMo 2: norms over the output of each block, and over all of q and k at once."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    post_norm,
    query_key_norms,
    read_heads,
)


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    block = post_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
