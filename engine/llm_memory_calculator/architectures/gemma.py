"""Gemma 1: heads of 256 values, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=16, dim_default=256)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias), gated_feed_forward(hidden, width))
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)
