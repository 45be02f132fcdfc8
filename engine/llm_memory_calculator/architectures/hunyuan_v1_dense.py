"""Hunyuan 0.5B to 7B: a Llama with norms over each head of q and k."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    norms = query_key_norms(heads, names=("query_layernorm", "key_layernorm"))
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
