"""Granite 3 MoE: 32 or 40 small experts of which a token runs 8."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, mixture, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(config, read_heads(config), experts=experts_of(config))


def experts_of(config: Config, shared: Operators = ()) -> Operators:
    """Granite's routed experts, what is shared standing beside them."""
    return mixture(
        config.integer("hidden_size"),
        count=config.integer("num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.router.layer",
        module="block_sparse_moe.experts",
        shared=shared,
    )
