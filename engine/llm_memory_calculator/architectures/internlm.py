"""InternLM 7B and 20B: a Llama, with biases in attention where the config says so."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, read_heads


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("bias", default=True)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
