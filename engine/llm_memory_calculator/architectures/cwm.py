"""Code World Model 32B: a Llama with a full layer first in each four, the others windowed."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads = read_heads(config, kv_default=8, dim_default=128)
    width, bias = config.integer("intermediate_size"), config.boolean("mlp_bias", default=False)
    windows = layer_windows(config, depth, window_of(config, default=8192), slides=lambda index: index % 4 != 0)
    stack = grouped(
        windows,
        lambda window: pre_norm(
            hidden, attention(hidden, heads, window=window), gated_feed_forward(hidden, width, bias=bias)
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
