"""Sarvam 30B: Ling 2.0's layers with narrower heads."""

from ..architecture import Architecture
from ..config import Config
from .bailing_moe import build as build_bailing


def build(config: Config) -> Architecture:
    filled = config.filled(
        num_key_value_heads=4,
        head_dim=64,
        use_qk_norm=True,
        num_shared_experts=config.values.get("n_shared_experts", 1),
        first_k_dense_replace=1,
        moe_router_enable_expert_bias=True,
    )
    return build_bailing(filled)
