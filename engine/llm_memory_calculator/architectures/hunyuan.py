"""Hunyuan-Large, 389B: every other layer attends the keys and values of the one before; experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Operators,
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
    hidden, depth, width = config.integer("hidden_size"), depth_of(config), config.integer("intermediate_size")
    heads, bias = read_heads(config), config.boolean("attention_bias", default=False)
    mlp_bias = config.boolean("mlp_bias", default=False)
    every = config.integer("cla_share_factor", default=1) if config.boolean("use_cla", default=False) else 1
    norms: Operators = ()
    if config.boolean("use_qk_norm", default=False):
        norms = query_key_norms(heads, names=("query_layernorm", "key_layernorm"))
    counts = _each(config, "num_experts", depth, 1)
    actives, shared = _each(config, "moe_topk", depth, 1), _each(config, "num_shared_expert", depth, 1)
    mixed = config.boolean("use_mixed_mlp_moe", default=False)

    def block(kind: tuple[bool, int, int, int]) -> Operators:
        follows, count, active, beside = kind
        attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms, shared=follows)
        feed = gated_feed_forward(hidden, width, bias=mlp_bias)
        if count > 1:
            every_token = gated_feed_forward(
                hidden, beside * width, bias=mlp_bias, path="mlp.shared_mlp", shared=True, reduces=False
            )
            feed = mixture(
                hidden,
                count=count,
                active=active,
                width=width,
                router="mlp.gate.wg",
                shared=every_token if mixed else (),
            )
        return pre_norm(hidden, attend, feed)

    kinds = [(index % every != 0, *numbers) for index, numbers in enumerate(zip(counts, actives, shared, strict=True))]
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))


def _each(config: Config, name: str, depth: int, default: int) -> tuple[int, ...]:
    return per_layer(config, name, depth, least=1) if config.has(name) else (default,) * depth
