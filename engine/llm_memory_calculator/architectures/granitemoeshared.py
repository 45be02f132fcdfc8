"""Granite 3 MoE with a shared expert beside the routed ones."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, gated_feed_forward, plain_decoder, read_heads
from .granitemoe import experts_of


def build(config: Config) -> Architecture:
    experts = experts_of(config, shared_expert(config))
    return plain_decoder(config, read_heads(config), experts=experts)


def shared_expert(config: Config) -> Operators:
    """The feed-forward that all tokens run; none where its width is 0."""
    width = config.integer("shared_intermediate_size", default=0, least=0)
    if not width:
        return ()
    return gated_feed_forward(
        config.integer("hidden_size"),
        width,
        path="shared_mlp",
        names=("input_linear", "input_linear", "output_linear"),
        shared=True,
        apart=True,
        reduces=False,
    )
