"""OLMoE: 64 small experts of which a token runs 8, norms over all of q and k at once."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    return plain_decoder(
        config,
        heads,
        attend=partial(attention, norms=query_key_norms(heads, own_scales=True)),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_experts", "num_local_experts"),
            active=config.integer("num_experts_per_tok"),
            width=config.integer("intermediate_size"),
        ),
    )
