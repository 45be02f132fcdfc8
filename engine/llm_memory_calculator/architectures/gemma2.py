"""Gemma 2: norms before and after each block, a sliding window in every other layer, the first one included."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, layer_windows, read_heads, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=4, dim_default=256)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    depth = depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: index % 2 == 0)
    stack = grouped(
        windows,
        lambda window: (
            Norm(name="input_layernorm", width=hidden),
            *attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
            Norm(name="post_attention_layernorm", width=hidden),
            Norm(name="pre_feedforward_layernorm", width=hidden),
            *gated_feed_forward(hidden, width),
            Norm(name="post_feedforward_layernorm", width=hidden),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
