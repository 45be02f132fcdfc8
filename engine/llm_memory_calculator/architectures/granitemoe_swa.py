"""Granite Swash mixtures: a full layer first in each four, a sink for each head, a shared expert where set."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of
from .granitemoe import experts_of
from .granitemoeshared import shared_expert


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    bias, experts = config.boolean("attention_bias", default=False), experts_of(config, shared_expert(config))
    stack = grouped(
        layer_windows(config, depth, window_of(config, default=128), slides=lambda index: index % 4 != 0),
        lambda window: pre_norm(
            hidden, attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, sinks=True), experts
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
