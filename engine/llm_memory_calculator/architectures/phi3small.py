"""Phi-3-small 8k and 128k: biases throughout, one matrix for gate and up, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("hidden_size"), "query_key_value"
    block = pre_norm(
        hidden,
        attention(
            hidden, read_heads(config, kv_default=8), qkv_bias=True, out_bias=True, names=(fused, fused, fused, "dense")
        ),
        gated_feed_forward(
            hidden,
            config.integer("ff_intermediate_size", "intermediate_size"),
            bias=True,
            names=("up_proj", "up_proj", "down_proj"),
        ),
        bias=True,
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        tied_default=True,
        norm_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
