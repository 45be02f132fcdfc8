"""Qwen3 dense: norms over each head of q and k, a head size of its own."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm, qwen_windows


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=32, dim_default=128)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    stack = grouped(
        qwen_windows(config, depth_of(config)),
        lambda window: pre_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True),
            gated_feed_forward(hidden, width),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
