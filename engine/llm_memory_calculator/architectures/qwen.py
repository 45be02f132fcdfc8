"""Qwen 1: a Llama with biases on q, k and v, whose config states twice the width of its feed-forward."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._attention import Heads, attention
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, query = config.integer("hidden_size"), config.integer("num_attention_heads")
    both, dim = config.integer("intermediate_size"), config.integer("kv_channels", default=128)
    if both % 2:
        raise ConfigError(f"The config's intermediate_size {both} is the width of two products together, hence even.")
    block = pre_norm(
        hidden,
        attention(
            hidden,
            Heads(query=query, kv=query, dim=dim),
            qkv_bias=True,
            path="attn",
            names=("c_attn", "c_attn", "c_attn", "c_proj"),
        ),
        gated_feed_forward(hidden, both // 2, names=("w2", "w1", "c_proj")),
        names=("ln_1", "ln_2"),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "transformer.h.{index}"),
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
        length=("seq_length", "max_position_embeddings"),
    )
