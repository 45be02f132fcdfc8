"""Arcee AFM-4.5B: a Llama whose feed-forward is squared ReLU without a gate."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias),
        feed_forward(hidden, config.integer("intermediate_size"), bias=mlp_bias, names=("up_proj", "down_proj")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
