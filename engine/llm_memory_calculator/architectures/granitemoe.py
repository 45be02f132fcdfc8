"""Granite 3 MoE: 32 or 40 small experts of which a token runs 8."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, grouped, mixture, pre_norm, read_heads


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.router.layer",
        module="block_sparse_moe.experts",
    )
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias), experts)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
