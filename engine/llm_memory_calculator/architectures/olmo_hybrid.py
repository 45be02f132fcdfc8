"""OLMo Hybrid: gated delta nets, and OLMo 3's attention in every fourth layer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    post_norm,
    pre_norm,
    query_key_norms,
    read_heads,
)
from ._linear_attention import delta_net, periodic_attention
from ._recurrent import ATTENTION

_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "g_proj", "b_proj", "a_proj")


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    keys = config.integer("linear_num_key_heads", default=heads.query)
    key_dim = config.integer("linear_key_head_dim", default=max(1, 3 * hidden // (4 * keys)))
    state = delta_net(
        config.filled(
            linear_num_key_heads=keys,
            linear_num_value_heads=heads.query,
            linear_key_head_dim=key_dim,
            linear_value_head_dim=2 * key_dim,
        ),
        _PROJECTIONS,
        names=("q_conv1d", "k_conv1d", "v_conv1d", "o_norm", "o_proj"),
    )
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms)
    feed = gated_feed_forward(hidden, config.integer("intermediate_size"))
    kinds = periodic_attention(config, depth)
    if ATTENTION not in kinds:
        kinds[-1] = ATTENTION
    stack = grouped(
        kinds,
        lambda kind: post_norm(hidden, attend, feed) if kind == ATTENTION else pre_norm(hidden, state, feed),
        "model.layers.{index}",
    )
    return decoder(config, stack)
