"""Qwen 1.5, 2 and 2.5: Llama with biases on q, k and v; a sliding window only where use_sliding_window says so."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, qwen_windows, read_heads


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=32)
    width = config.integer("intermediate_size")
    stack = grouped(
        qwen_windows(config, depth_of(config)),
        lambda window: pre_norm(
            hidden, attention(hidden, heads, window=window, qkv_bias=True), gated_feed_forward(hidden, width)
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
