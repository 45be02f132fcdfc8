"""Qwen3 dense: norms over each head of q and k, a head size of its own."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, qwen_windows, read_heads


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
