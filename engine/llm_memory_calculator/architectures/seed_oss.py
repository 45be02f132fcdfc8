"""Seed-OSS-36B: a Llama with biases on q, k and v, and heads that together are wider than the hidden size."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8, dim_default=128)
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=config.boolean("attention_bias", default=True),
            out_bias=config.boolean("attention_out_bias", default=False),
        ),
        gated_feed_forward(hidden, config.integer("intermediate_size"), bias=config.boolean("mlp_bias", default=False)),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
