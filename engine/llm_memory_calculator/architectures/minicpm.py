"""MiniCPM 1B to 8B and its MoE: a Llama with scaled depth, its head tied unless the config says otherwise."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, mixture, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    hidden, count = config.integer("hidden_size"), config.integer("num_experts", default=0, least=0)
    experts: Operators = ()
    if count:
        experts = mixture(
            hidden,
            count=count,
            active=config.integer("num_experts_per_tok", default=2),
            width=config.integer("intermediate_size"),
            names=("w1", "w3", "w2"),
        )
    return plain_decoder(config, read_heads(config), experts=experts, tied_default=True)
