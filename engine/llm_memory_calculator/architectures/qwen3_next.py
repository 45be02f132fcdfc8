"""Qwen3-Next: gated delta nets, gated attention in every fourth layer, routed experts beside a gated shared one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Operators,
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    pre_norm,
    read_heads,
    shared_expert_mixture,
    sparse_layers,
    without_predictors,
)
from ._linear_attention import delta_net, periodic_attention
from ._recurrent import ATTENTION


def build(config: Config) -> Architecture:
    experts = shared_expert_mixture(config, count=512, active=10, width=512, shared_width=512)
    # the published checkpoints carry one layer for multi-token prediction, of which their configs say nothing
    return of_delta_nets(config, (*["in_proj_qkvz"] * 4, "in_proj_ba", "in_proj_ba"), experts, predictors_default=1)


def of_delta_nets(
    config: Config,
    projections: tuple[str, ...],
    experts: Operators,
    *,
    kv_default: int = 2,
    predictors_default: int = 0,
) -> Architecture:
    """The decoder of Qwen3-Next and Qwen3.5: `experts` in sparse layers; without any, every layer is dense."""
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads = read_heads(config, query_default=16, kv_default=kv_default, dim_default=256)
    bias = config.boolean("attention_bias", default=False)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias, head_norms=True, output_gate=True)
    state = delta_net(config, projections)
    sparse = sparse_layers(config) if experts else [False] * depth
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"))
    stack = grouped(
        list(zip(periodic_attention(config, depth), sparse, strict=True)),
        lambda kind: pre_norm(hidden, attend if kind[0] == ATTENTION else state, experts if kind[1] else dense),
        "model.layers.{index}",
    )
    return without_predictors(decoder(config, stack), config, "mtp_num_hidden_layers", predictors_default, copies=False)
