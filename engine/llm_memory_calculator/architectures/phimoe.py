"""Phi-3.5-MoE: Mixtral's layers with LayerNorm, and biases in attention and on the head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8)
    bias = config.boolean("attention_bias", default=False)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
    )
    window = window_of(config, default=None)
    block = pre_norm(hidden, attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias), experts, bias=True)
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        norm_bias=True,
        head_bias=config.boolean("lm_head_bias", default=False),
    )
