"""Qwen1.5-MoE and Qwen2-57B-A14B: routed experts beside one gated shared expert."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Linear, Output
from ._blocks import (
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    mixture,
    pre_norm,
    qwen_windows,
    read_heads,
    sparse_layers,
)


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=16)
    depth, bias = depth_of(config), config.boolean("qkv_bias", default=True)
    sparse = sparse_layers(config, depth)
    gate = "mlp.shared_expert_gate"
    experts = mixture(
        hidden,
        count=config.integer("num_experts", "num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("moe_intermediate_size"),
        shared=(
            *gated_feed_forward(
                hidden, config.integer("shared_expert_intermediate_size"), path="mlp.shared_expert", reduces=False
            ),
            Linear(name=gate, outputs=(Output(name=gate, units=1),), input_units=hidden, role="router"),
        ),
    )
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"))
    stack = grouped(
        list(zip(qwen_windows(config, depth), sparse, strict=True)),
        lambda kind: pre_norm(
            hidden, attention(hidden, heads, window=kind[0], qkv_bias=bias), experts if kind[1] else dense
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
