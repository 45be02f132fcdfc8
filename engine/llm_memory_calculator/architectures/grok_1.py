"""Grok-1: eight wide experts, norms around each block, a tied head unless the config says otherwise."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, read_heads, sandwich_norm

grok_norms = partial(sandwich_norm, names=("pre_attn_norm", "post_attn_norm", "pre_moe_norm", "post_moe_norm"))


def build(config: Config) -> Architecture:
    experts = mixture(
        config.integer("hidden_size"),
        count=config.integer("num_experts", "num_local_experts", default=8),
        active=config.integer("num_experts_per_tok", default=2),
        width=config.integer("intermediate_size"),
        router="moe_block.gate",
        module="moe_block.experts",
        names=("linear", "linear_v", "linear_1"),
    )
    return plain_decoder(
        config,
        read_heads(config),
        bias=False,
        attend=partial(attention, path="attn"),
        layer=grok_norms,
        experts=experts,
        tied_default=True,
    )
