"""Step-3.5-Flash, the text of Step 3.7: more query heads in windowed layers, gated heads, routed and shared experts."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._blocks import (
    Operators,
    attention,
    beside_shared,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    layer_windows,
    leading_dense,
    pre_norm,
    read_heads,
    window_of,
    without_predictors,
)


def build(config: Config) -> Architecture:
    config = config.renamed(
        num_key_value_heads="num_attention_groups",
        n_routed_experts="moe_num_experts",
        num_experts_per_tok="moe_top_k",
        share_expert_dim="share_expert_dims",
        num_nextn_predict_layers="num_mtp_layers",
    )
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    full = read_heads(config, kv_default=8, dim_default=128)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    experts = beside_shared(
        config,
        shared_width=config.integer("share_expert_dim", default=1280),
        bias=mlp_bias,
        path="",
        names=("moe.experts", "share_expert", "moe.gate"),
        correction="moe.router_bias",
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"), bias=mlp_bias)
    heads = {True: replace(full, query=_windowed_heads(config, full.query)), False: full}

    def block(kind: tuple[int | None, bool]) -> Operators:
        window, sparse = kind
        own = heads[window is not None]
        attend = attention(hidden, own, window=window, qkv_bias=bias, out_bias=bias, head_norms=True)
        gated = gated_attention(attend, hidden, own, "self_attn.g_proj", per_head=True)
        return pre_norm(hidden, gated, experts if sparse else dense)

    windows = layer_windows(_of_stack(config, depth), depth, window_of(config, default=None), slides=lambda _: False)
    kinds = list(zip(windows, sparse_layers_of(config, depth, leading=3), strict=True))
    return without_predictors(decoder(config, grouped(kinds, block, "model.layers.{index}")), config)


def _windowed_heads(config: Config, default: int) -> int:
    """Query heads of windowed layers: by transformers' name, or in the object of the published config."""
    if not config.has("num_sliding_attention_heads") and config.has("attention_other_setting"):
        config, name = config.section("attention_other_setting"), "num_attention_heads"
    else:
        name = "num_sliding_attention_heads"
    return config.integer(name, default=default)


def _of_stack(config: Config, depth: int) -> Config:
    """The config with the kinds of the stack's layers alone: published ones go on with those of the predictors."""
    own = {
        name: config.values[name][:depth]
        for name in ("layer_types", "mlp_layer_types")
        if isinstance(config.values.get(name), list)
    }
    return config.stating(**own)


def sparse_layers_of(config: Config, depth: int, leading: int) -> list[bool]:
    """Which layers have experts: those of moe_layers_enum (numbers, or one text of them), else all after `leading`."""
    if config.has("moe_layers_enum") and not config.has("mlp_layer_types"):
        listed = config.values["moe_layers_enum"]
        numbers = listed.split(",") if isinstance(listed, str) else config.integers("moe_layers_enum")
        if not all(str(number).strip().isdigit() for number in numbers):
            raise ConfigError(
                f"The config's moe_layers_enum must be numbers of layers with commas, and is {shown(listed)}."
            )
        chosen = {int(number) for number in numbers}
        return [index in chosen for index in range(depth)]
    return leading_dense(_of_stack(config, depth), default=leading)
