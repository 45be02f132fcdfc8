"""Grok-1 in its other conversion, and Grok-2 with a dense feed-forward beside the experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward, mixture, plain_decoder, read_heads
from .grok_1 import grok_norms


def build(config: Config) -> Architecture:
    hidden, width = config.integer("hidden_size"), config.integer("intermediate_size")
    residual = config.boolean("residual_moe", default=False)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("moe_intermediate_size", default=width),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
        names=("w1", "w3", "w2"),
        shared=gated_feed_forward(hidden, width, reduces=False) if residual else (),
    )
    return plain_decoder(
        config, read_heads(config), bias=False, layer=grok_norms, experts=experts, tied_default=not residual
    )
