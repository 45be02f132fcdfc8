"""ERNIE 4.5 0.3B: a Llama with two KV heads and a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=2, dim_default=128)
    bias = config.boolean("use_bias", default=False)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias),
        gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias),
    )
    return decoder(
        config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"), tied_default=True
    )
