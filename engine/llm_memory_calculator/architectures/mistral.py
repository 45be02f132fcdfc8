"""Mistral 7B to Large, Nemo, Ministral: Llama with a head size of its own and, where set, a sliding window."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8)
    width, depth = config.integer("intermediate_size"), depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=4096), slides=lambda _: True)
    stack = grouped(
        windows,
        lambda window: pre_norm(hidden, attention(hidden, heads, window=window), gated_feed_forward(hidden, width)),
        "model.layers.{index}",
    )
    return decoder(config, stack)
