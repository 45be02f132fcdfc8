"""GLM-4-0414 9B and 32B, GLM-Z1: GLM-4 with norms over the output of each block too."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads, sandwich_norm


def build(config: Config) -> Architecture:
    norms = ("input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm")
    return plain_decoder(
        config,
        read_heads(config, kv_default=2, dim_default=128),
        bias=False,
        attend=partial(attention, qkv_bias=config.boolean("attention_bias", default=True)),
        feed=partial(gated_feed_forward, names=("gate_up_proj", "gate_up_proj", "down_proj")),
        layer=partial(sandwich_norm, names=norms),
    )
