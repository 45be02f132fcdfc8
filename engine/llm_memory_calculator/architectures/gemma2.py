"""Gemma 2: norms before and after each block, a sliding window in every other layer, the first one included."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, sandwich_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=4, dim_default=256)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    depth = depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: index % 2 == 0)
    stack = grouped(
        windows,
        lambda window: sandwich_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
