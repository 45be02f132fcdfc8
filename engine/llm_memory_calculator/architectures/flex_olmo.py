"""FlexOlmo: OLMoE's experts, with norms over the output of each block."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, post_norm, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    return plain_decoder(
        config,
        heads,
        attend=partial(attention, norms=query_key_norms(heads, own_scales=True)),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_experts", "num_local_experts", default=7),
            active=config.integer("num_experts_per_tok", default=5),
            width=config.integer("intermediate_size"),
        ),
        layer=post_norm,
    )
