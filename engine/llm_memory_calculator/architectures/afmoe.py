"""Arcee Trinity: gated attention, windows in three of four layers, norms around blocks, experts beside shared ones."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Heads,
    Operators,
    attention,
    beside_shared,
    gated_attention,
    leading_dense,
    periodic_windows,
    plain_decoder,
    read_heads,
    sandwich_norm,
)


def build(config: Config) -> Architecture:
    norms = ("input_layernorm", "post_attention_layernorm", "pre_mlp_layernorm", "post_mlp_layernorm")

    def attend(hidden: int, heads: Heads, *, window: int | None, bias: bool) -> Operators:
        found = attention(hidden, heads, window=window, bias=bias, head_norms=True)
        return gated_attention(found, hidden, heads, "self_attn.gate_proj")

    return plain_decoder(
        config,
        read_heads(config, dim_default=128),
        attend=attend,
        layer=partial(sandwich_norm, names=norms),
        windows=periodic_windows(config, 1024, period=4, name="global_attn_every_n_layers"),
        experts=beside_shared(
            config,
            shared=2,
            names=("experts", "shared_experts", "router.gate"),
            correction="expert_bias",
            correction_counted=True,
        ),
        sparse=leading_dense(config, default=1, name="num_dense_layers"),
    )
