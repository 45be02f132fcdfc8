"""Phi-3.5-MoE: Mixtral's layers with LayerNorm, and biases in attention and on the head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import depth_of, mixture, plain_decoder, pre_norm, read_heads, window_of


def build(config: Config) -> Architecture:
    window = window_of(config, default=None)
    return plain_decoder(
        config,
        read_heads(config, kv_default=8),
        layer=partial(pre_norm, bias=True),
        windows=[window] * depth_of(config),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_local_experts", "num_experts"),
            active=config.integer("num_experts_per_tok"),
            width=config.integer("intermediate_size"),
            router="block_sparse_moe.gate",
            module="block_sparse_moe.experts",
        ),
        norm_bias=True,
        head_bias=config.boolean("lm_head_bias", default=False),
    )
