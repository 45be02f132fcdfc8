"""MiMo-V2-Flash: windowed layers with more KV heads and a sink a head, keys wider than values, routed experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    FULL,
    SLIDING,
    Heads,
    attention,
    check_heads,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    leading_dense,
    mixture,
    per_layer,
    pre_norm,
    router_correction,
)


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    bias, count = (
        config.boolean("attention_bias", default=False),
        config.integer("n_routed_experts", "num_local_experts"),
    )
    window = config.integer("sliding_window", "sliding_window_size")
    kv = config.integer("num_key_value_heads")
    full = Heads(
        query=config.integer("num_attention_heads"),
        kv=kv,
        dim=config.integer("head_dim"),
        value_dim=config.integer("v_head_dim"),
    )
    windowed = Heads(
        query=config.integer("swa_num_attention_heads", default=full.query),
        kv=config.integer("swa_num_key_value_heads", default=2 * kv),
        dim=config.integer("swa_head_dim", default=full.dim),
        value_dim=config.integer("swa_v_head_dim", default=full.value_dim),
    )
    for heads in (full, windowed):
        check_heads(heads.query, heads.kv)
    sinks = {
        True: config.boolean("add_swa_attention_sink_bias", default=True),
        False: config.boolean("add_full_attention_sink_bias", default=False),
    }
    if config.has("hybrid_layer_pattern"):
        slides = [flag == 1 for flag in per_layer(config, "hybrid_layer_pattern", depth)]
    elif config.has("layer_types"):
        slides = [kind == SLIDING for kind in config.names("layer_types", (SLIDING, FULL), depth)]
    else:
        slides = [index > 0 and (index + 1) % 6 != 0 for index in range(depth)]
    if config.has("moe_layer_freq"):
        sparse = [flag == 1 for flag in per_layer(config, "moe_layer_freq", depth)]
    else:
        sparse = leading_dense(config, default=1)
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=config.integer("moe_intermediate_size"),
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    stack = grouped(
        list(zip(slides, sparse, strict=True)),
        lambda kind: pre_norm(
            hidden,
            attention(
                hidden,
                windowed if kind[0] else full,
                window=window if kind[0] else None,
                qkv_bias=bias,
                sinks=sinks[kind[0]],
            ),
            (*experts, router_correction(count)) if kind[1] else dense,
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
