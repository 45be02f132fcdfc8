"""Phi-3, Phi-3.5 and Phi-4: Llama with q, k, v and gate, up stored as one matrix each."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, layer_windows, read_heads, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    width, depth = config.integer("intermediate_size"), depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=None), slides=lambda _: True)
    stack = grouped(
        windows,
        lambda window: (
            Norm(name="input_layernorm", width=hidden),
            *attention(hidden, heads, window=window, names=("qkv_proj", "qkv_proj", "qkv_proj", "o_proj")),
            Norm(name="post_attention_layernorm", width=hidden),
            *gated_feed_forward(hidden, width, names=("gate_up_proj", "gate_up_proj", "down_proj")),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
