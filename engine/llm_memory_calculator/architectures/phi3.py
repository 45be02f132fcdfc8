"""Phi-3, Phi-3.5 and Phi-4: Llama with q, k, v and gate, up stored as one matrix each."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    width, depth = config.integer("intermediate_size"), depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=None), slides=lambda _: True)
    stack = grouped(
        windows,
        lambda window: pre_norm(
            hidden,
            attention(hidden, heads, window=window, names=("qkv_proj", "qkv_proj", "qkv_proj", "o_proj")),
            gated_feed_forward(hidden, width, names=("gate_up_proj", "gate_up_proj", "down_proj")),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
