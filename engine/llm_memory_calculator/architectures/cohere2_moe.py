"""Command A+: Command R7B's layers with leading dense feed-forwards, then routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, leading_dense, parallel, window_of


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads, width = read_heads(config, dim_default=128), config.integer("intermediate_size")
    bias, sparse = config.boolean("attention_bias", default=False), leading_dense(config, depth, default=0)
    experts = beside_shared(config.renamed(moe_intermediate_size="intermediate_size"), shared=0, correction=None)
    dense = gated_feed_forward(hidden, config.integer("prefix_dense_intermediate_size", default=width))
    leading = config.integer("first_k_dense_replace", default=0, least=0)
    first, period = (
        config.integer("prefix_dense_sliding_window_pattern", default=1),
        config.integer("sliding_window_pattern", default=4),
    )
    windows = layer_windows(
        config,
        depth,
        window_of(config, default=4096),
        slides=lambda index: bool((index + 1) % first if index < leading else (index - leading + 1) % period),
    )
    stack = grouped(
        list(zip(windows, sparse, strict=True)),
        lambda kind: parallel(
            hidden,
            attention(hidden, heads, window=kind[0], qkv_bias=bias, out_bias=bias),
            experts if kind[1] else dense,
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
