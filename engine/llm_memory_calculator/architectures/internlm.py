"""InternLM 7B and 20B: a Llama, with biases in attention where the config says so."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("bias", default=True)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
