"""InternLM3-8B: a Llama with one KV head to sixteen query heads, and biases where its two fields say so."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    bias, qkv_bias = config.boolean("bias", "mlp_bias", default=False), ("qkv_bias", "attention_bias")
    return plain_decoder(
        config,
        read_heads(config, kv_default=2, dim_default=128),
        bias=bias,
        attend=partial(attention, qkv_bias=config.boolean(*qkv_bias, default=False)),
        feed=partial(gated_feed_forward, bias=bias),
    )
