"""OLMo 3: OLMo 2 with three windowed layers to each full one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, post_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    width = config.integer("intermediate_size")
    windows = layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: (index + 1) % 4 != 0)
    stack = grouped(
        windows,
        lambda window: post_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, norms=norms),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
