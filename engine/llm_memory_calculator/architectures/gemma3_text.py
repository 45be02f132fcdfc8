"""Gemma 3, text: Gemma 2 with norms over q and k, and five windowed layers to each full one."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, layer_windows, read_heads, window_of


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
        lambda window: (
            Norm(name="input_layernorm", width=hidden),
            *attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True),
            Norm(name="post_attention_layernorm", width=hidden),
            Norm(name="pre_feedforward_layernorm", width=hidden),
            *gated_feed_forward(hidden, width),
            Norm(name="post_feedforward_layernorm", width=hidden),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
