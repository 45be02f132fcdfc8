"""Qwen3-30B-A3B, 235B-A22B, Coder-480B-A35B: Qwen3's attention, routed experts without a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, mixture
from ._stack import depth_of, grouped, pre_norm, qwen_windows, sparse_layers


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=4)
    depth, bias = depth_of(config), config.boolean("attention_bias", default=False)
    sparse = sparse_layers(config, depth)
    experts = mixture(
        hidden,
        count=config.integer("num_experts", "num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("moe_intermediate_size"),
    )
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"))
    windows = qwen_windows(config, depth, slides=lambda _index, _limit: True)
    stack = grouped(
        list(zip(windows, sparse, strict=True)),
        lambda kind: pre_norm(
            hidden,
            attention(hidden, heads, window=kind[0], qkv_bias=bias, out_bias=bias, head_norms=True),
            experts if kind[1] else dense,
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
