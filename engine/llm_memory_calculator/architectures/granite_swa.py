"""Granite Swash: a full layer first in each four, the others windowed, and a sink for each head in all."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=4), depth_of(config)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size")
    mlp_bias = config.boolean("mlp_bias", default=False)
    stack = grouped(
        layer_windows(config, depth, window_of(config, default=128), slides=lambda index: index % 4 != 0),
        lambda window: pre_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, sinks=True),
            gated_feed_forward(hidden, width, bias=mlp_bias),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
