"""Hunyuan-A13B: 64 experts of which a token runs 8, one shared expert of the same width, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    mixture,
    per_layer,
    pre_norm,
    query_key_norms,
    read_heads,
)


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size")
    norms = query_key_norms(heads, names=("query_layernorm", "key_layernorm"))
    count = config.integer("num_experts", "num_local_experts")
    actives = per_layer(config, "moe_topk" if config.has("moe_topk") else "num_experts_per_tok", depth, least=1)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms)
    shared = gated_feed_forward(hidden, width, path="mlp.shared_mlp", shared=True, reduces=False)
    stack = grouped(
        actives,
        lambda active: pre_norm(
            hidden,
            attend,
            mixture(hidden, count=count, active=active, width=width, router="mlp.gate.wg", shared=shared),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
