"""Qwen 1.5, 2 and 2.5: Llama with biases on q, k and v; a sliding window only where use_sliding_window says so."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm, qwen_windows


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
    return decoder(config, stack, gguf_rules="rich_values" if config.model_type == "qwen2" else "")
