"""GLM-4.7-Flash: DeepSeek-V3's layers, the first one dense."""

from ..architecture import Architecture
from ..config import Config
from ._decoder import decoder, without_predictors
from ._deepseek import deepseek_stack
from ._feed_forward import router_correction


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=768,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=192,
        v_head_dim=256,
        n_shared_experts=1,
        num_experts_per_tok=4,
        first_k_dense_replace=1,
    )
    correction = router_correction(config.integer("n_routed_experts", "num_local_experts"))
    return without_predictors(decoder(config, deepseek_stack(config, correction)), config)
