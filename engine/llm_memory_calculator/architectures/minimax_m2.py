"""MiniMax-M2, M2.5 and M2.7: 256 small experts of which a token runs 8, norms over all of q and k at once."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import mixture, router_correction
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8, dim_default=128)
    count = config.integer("num_local_experts", "num_experts")
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
    )
    correction = router_correction(count, "block_sparse_moe.e_score_correction_bias")
    attend = attention(hidden, heads, norms=query_key_norms(heads, own_scales=True))
    block = pre_norm(hidden, attend, (*experts, correction))
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
