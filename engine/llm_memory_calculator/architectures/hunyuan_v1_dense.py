"""Hunyuan 0.5B to 7B: a Llama with norms over each head of q and k."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, query_key_norms, read_heads


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
