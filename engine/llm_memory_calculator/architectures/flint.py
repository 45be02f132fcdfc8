"""Flint: a sink for each head, windows in most layers, dense layers first, then routed experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, sparse_layers, window_of


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads, bias = read_heads(config, kv_default=4, dim_default=128), config.boolean("attention_bias", default=False)
    experts = beside_shared(
        config,
        shared_width=config.integer("shared_expert_intermediate_size", default=1024),
        names=("experts", "shared_expert", "gate"),
        correction=None,
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    full = {0, 1, depth - 1}
    window = window_of(config, default=513)
    windows = layer_windows(config, depth, window, slides=lambda index: index not in full and index % 4 != 1)
    stack = grouped(
        list(zip(windows, sparse_layers(config.filled(mlp_only_layers=[0, 1]), depth), strict=True)),
        lambda kind: pre_norm(
            hidden,
            attention(hidden, heads, window=kind[0], qkv_bias=bias, out_bias=bias, head_norms=True, sinks=True),
            experts if kind[1] else dense,
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
