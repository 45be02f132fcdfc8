"""Command R7B and A: Command R with three windowed layers to each full one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, parallel, periodic_windows, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size")
    window = window_of(config, default=4096)
    stack = grouped(
        periodic_windows(config, depth, window, default=4),
        lambda window: parallel(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
