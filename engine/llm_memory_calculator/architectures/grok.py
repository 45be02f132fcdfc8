"""Grok-1 in its other conversion, and Grok-2 with a dense feed-forward beside the experts."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, mixture
from ._stack import depth_of, grouped
from .grok_1 import grok_norms


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    width, residual = config.integer("intermediate_size"), config.boolean("residual_moe", default=False)
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
    block = grok_norms(hidden, attention(hidden, heads), experts)
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=not residual)
