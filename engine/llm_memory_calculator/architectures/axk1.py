"""A.X-K1: DeepSeek-V3's layers with a norm over the output of the experts."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._deepseek import corrected_deepseek


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=1536,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=128,
        v_head_dim=128,
        n_shared_experts=1,
        num_experts_per_tok=8,
        first_k_dense_replace=1,
    )
    after = Norm(name="post_mlp_layernorm", width=config.integer("hidden_size"))
    return corrected_deepseek(config, after, copies=None)
