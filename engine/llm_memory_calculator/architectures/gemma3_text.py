"""Gemma 3, text: Gemma 2 with norms over q and k, and five windowed layers to each full one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, sandwich_norm, window_of


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    heads = read_heads(config, query_default=8, kv_default=4, dim_default=256)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    depth = depth_of(config)
    period = config.integer("sliding_window_pattern", "_sliding_window_pattern", default=6)
    windows = layer_windows(
        config, depth, window_of(config, default=4096), slides=lambda index: (index + 1) % period != 0
    )
    stack = grouped(
        windows,
        lambda window: sandwich_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
