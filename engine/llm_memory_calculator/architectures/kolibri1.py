"""Kolibri 1: windows in four of five layers, norms around each block, routed experts and a shared one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, plain_decoder, read_heads, sandwich_norm, windows_of


def build(config: Config) -> Architecture:
    norms = ("input_layernorm", "post_attn_norm", "post_attention_layernorm", "post_ffn_norm")
    experts = beside_shared(
        config,
        shared_width=config.integer("shared_expert_intermediate_size", default=512),
        path="",
        names=("mlp.experts", "mlp.shared_experts", "mlp.gate"),
        correction="moe.router.expert_bias",
    )
    return plain_decoder(
        config,
        read_heads(config, kv_default=4, dim_default=128),
        bias=False,
        attend=partial(attention, head_norms=True),
        layer=partial(sandwich_norm, names=norms),
        windows=windows_of(config, 513, slides=lambda index: (index + 1) % 5 != 0),
        experts=experts,
    )
