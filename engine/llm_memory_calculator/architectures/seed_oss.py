"""Seed-OSS-36B: a Llama with biases on q, k and v, and heads that together are wider than the hidden size."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=128),
        bias=config.boolean("attention_out_bias", default=False),
        attend=partial(attention, qkv_bias=config.boolean("attention_bias", default=True)),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
    )
