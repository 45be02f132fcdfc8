"""Youtu-LLM-2B: latent attention and dense feed-forwards."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, depth_of, gated_feed_forward, grouped, latent_attention, pre_norm


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=1536, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
    )
    hidden = config.integer("hidden_size")
    block = pre_norm(hidden, latent_attention(config), gated_feed_forward(hidden, config.integer("intermediate_size")))
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)
