"""Step-3, text: multi-matrix factorised attention (low-rank queries, one KV head), routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm, Output
from ._blocks import (
    Heads,
    Operators,
    attention,
    beside_shared,
    columns,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    plain,
    pre_norm,
    within,
)
from .step3p5 import sparse_layers_of


def build(config: Config) -> Architecture:
    config = config.renamed(n_routed_experts="moe_num_experts", num_experts_per_tok="moe_top_k")
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    experts = beside_shared(
        config,
        shared_width=config.integer("share_expert_dim", default=5120),
        path="",
        names=("moe.experts", "share_expert", "moe.gate"),
        correction=None,
    )
    attend, width = _attention(config, hidden), config.integer("intermediate_size")
    stack = grouped(
        sparse_layers_of(config, depth, leading=1),
        lambda sparse: pre_norm(hidden, attend, experts if sparse else gated_feed_forward(hidden, width)),
        "model.layers.{index}",
    )
    return decoder(config, stack, length=("max_position_embedding", "max_position_embeddings", "max_seq_len"))


def _attention(config: Config, hidden: int) -> Operators:
    """What makes queries, keys and values stands whole on every rank, and so does the one KV head."""
    heads = Heads(
        query=config.integer("num_attention_heads"),
        kv=config.integer("num_attention_groups", default=1, most=1),
        dim=config.integer("head_dim", default=256),
    )
    rank = config.integer("share_q_dim", default=heads.dim)
    query, keys, values, wide = within("self_attn", "q_proj", "k_proj", "v_proj", "wq")
    _, core, out = attention(hidden, heads)
    return (
        plain(query, rank, hidden, part="q_a"),
        plain(keys, heads.dim, hidden, part="k"),
        plain(values, heads.dim, hidden, part="v"),
        Norm(name="self_attn.inter_norm", width=rank),
        columns(wide, [Output(name=wide, units=heads.query, width=heads.dim)], rank, part="q_b"),
        core,
        out,
    )
