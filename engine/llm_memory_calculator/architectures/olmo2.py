"""OLMo 2: norms over the output of each block, and over all of q and k at once."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, post_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    block = post_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
