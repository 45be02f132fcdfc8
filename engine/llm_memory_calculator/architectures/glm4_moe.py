"""GLM-4.5, 4.6 and 4.7, Air: grouped KV heads, leading dense layers, then routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    leading_dense,
    mixture,
    pre_norm,
    read_heads,
    router_correction,
    without_predictors,
)


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=8), depth_of(config)
    width, count = config.integer("moe_intermediate_size"), config.integer("n_routed_experts", "num_local_experts")
    shared = config.integer("n_shared_experts", default=1, least=0)
    attend = attention(
        hidden,
        heads,
        qkv_bias=config.boolean("attention_bias", default=False),
        head_norms=config.boolean("use_qk_norm", default=False),
    )
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=width,
        shared=gated_feed_forward(hidden, shared * width, path="mlp.shared_experts", reduces=False) if shared else (),
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    stack = grouped(
        leading_dense(config, depth, default=1),
        lambda sparse: pre_norm(hidden, attend, (*experts, router_correction(count)) if sparse else dense),
        "model.layers.{index}",
    )
    return without_predictors(decoder(config, stack), config)
