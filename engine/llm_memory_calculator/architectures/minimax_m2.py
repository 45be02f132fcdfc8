"""MiniMax-M2, M2.5 and M2.7: 256 small experts of which a token runs 8, norms over all of q and k at once."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, query_key_norms, read_heads, router_correction


def build(config: Config) -> Architecture:
    heads, count = (
        read_heads(config, kv_default=8, dim_default=128),
        config.integer("num_local_experts", "num_experts"),
    )
    experts = mixture(
        config.integer("hidden_size"),
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
    )
    correction = router_correction(count, "block_sparse_moe.e_score_correction_bias")
    attend = partial(attention, norms=query_key_norms(heads, own_scales=True))
    return plain_decoder(config, heads, bias=False, attend=attend, experts=(*experts, correction))
