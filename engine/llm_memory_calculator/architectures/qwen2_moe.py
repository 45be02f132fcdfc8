"""Qwen1.5-MoE and Qwen2-57B-A14B: routed experts beside one gated shared expert."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, shared_expert_mixture
from ._stack import depth_of, grouped, pre_norm, qwen_windows, sparse_layers


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=16)
    depth, bias = depth_of(config), config.boolean("qkv_bias", default=True)
    sparse = sparse_layers(config, depth)
    experts = shared_expert_mixture(config, count=60, active=4, width=1408, shared_width=5632)
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"))
    windows = qwen_windows(config, depth, slides=lambda index, limit: index % 2 == 0 and index < limit)
    stack = grouped(
        list(zip(windows, sparse, strict=True)),
        lambda kind: pre_norm(
            hidden, attention(hidden, heads, window=kind[0], qkv_bias=bias), experts if kind[1] else dense
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
