"""Poolside Laguna: gated attention with heads of each layer's own number, routed experts and a shared one."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Operators,
    attention,
    beside_shared,
    check_heads,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    layer_windows,
    leading_dense,
    per_layer,
    pre_norm,
    read_heads,
    window_of,
)


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    usual = read_heads(config, kv_default=8, dim_default=128)
    bias, per_head = (
        config.boolean("attention_bias", default=False),
        config.values.get("gating", True) in (True, "per-head"),
    )
    experts = beside_shared(
        config,
        shared_width=config.integer("shared_expert_intermediate_size", default=512),
        names=("experts", "shared_expert", "gate"),
        correction="experts.e_score_correction_bias",
        correction_counted=True,
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    own = "num_attention_heads_per_layer"
    queries = per_layer(config, own, depth, least=1) if config.has(own) else (usual.query,) * depth
    windows = layer_windows(config, depth, window_of(config, default=512), slides=lambda _: False)

    def block(kind: tuple[int, int | None, bool]) -> Operators:
        query, window, sparse = kind
        check_heads(query, usual.kv)
        heads = replace(usual, query=query)
        attend = attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True)
        gated = gated_attention(attend, hidden, heads, "self_attn.g_proj", per_head=per_head)
        return pre_norm(hidden, gated, experts if sparse else dense)

    kinds = list(zip(queries, windows, leading_dense(config, default=1), strict=True))
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))
