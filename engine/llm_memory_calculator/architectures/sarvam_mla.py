"""Sarvam 105B: DeepSeek-V3's layers with one plain query projection."""

from ..architecture import Architecture
from ..config import Config
from ._decoder import decoder, without_predictors
from ._deepseek import deepseek_stack
from ._feed_forward import router_correction


def build(config: Config) -> Architecture:
    config = config.renamed(n_shared_experts="num_shared_experts", n_routed_experts="num_experts").filled(
        q_lora_rank=None,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=128,
        v_head_dim=128,
        n_shared_experts=1,
        num_experts_per_tok=8,
        first_k_dense_replace=1,
    )
    correction = router_correction(config.integer("n_routed_experts"))
    return without_predictors(decoder(config, deepseek_stack(config, correction)), config)
