"""EXAONE 4.0: norms over the output of each block and over each head of q and k; the 32B has windows in most layers."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, periodic_windows, post_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=32), depth_of(config)
    width, window = config.integer("intermediate_size"), window_of(config, default=4096)
    stack = grouped(
        periodic_windows(config, depth, window, default=4),
        lambda window: post_norm(
            hidden,
            attention(hidden, heads, window=window, head_norms=True),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
