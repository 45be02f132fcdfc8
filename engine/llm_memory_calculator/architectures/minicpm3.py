"""MiniCPM3-4B: latent attention and dense feed-forwards."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, depth_of, gated_feed_forward, grouped, latent_attention, pre_norm, share


def build(config: Config) -> Architecture:
    config = config.filled(q_lora_rank=768, kv_lora_rank=256, qk_rope_head_dim=32, qk_nope_head_dim=64)
    hidden = config.integer("hidden_size")
    if not config.has("v_head_dim"):
        value_dim = share(hidden, config.integer("num_attention_heads"))
        config = config.stating(v_head_dim=value_dim)
    mlp_bias = config.boolean("mlp_bias", default=False)
    feed = gated_feed_forward(hidden, config.integer("intermediate_size"), bias=mlp_bias)
    block = pre_norm(hidden, latent_attention(config), feed)
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)
