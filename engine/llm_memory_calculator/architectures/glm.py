"""GLM-4-9B: a Llama with two KV heads, and biases on q, k and v."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=2, dim_default=128),
        bias=False,
        attend=partial(attention, qkv_bias=config.boolean("attention_bias", default=True)),
        feed=partial(gated_feed_forward, names=("gate_up_proj", "gate_up_proj", "down_proj")),
    )
