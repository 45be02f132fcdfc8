"""Mistral Small 4: latent attention and routed experts beside a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder
from ._deepseek import deepseek_stack


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=1024,
        kv_lora_rank=256,
        qk_rope_head_dim=64,
        qk_nope_head_dim=64,
        v_head_dim=128,
        n_shared_experts=1,
        num_experts_per_tok=4,
        first_k_dense_replace=0,
    )
    return decoder(config, deepseek_stack(config))
