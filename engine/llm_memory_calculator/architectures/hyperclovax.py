"""HyperCLOVA X SEED Think: a Llama with norms over the output of each block too."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward, plain_decoder, pre_norm, read_heads, sandwich_norm


def build(config: Config) -> Architecture:
    norms = ("input_layernorm", "post_norm1", "post_attention_layernorm", "post_norm2")
    return plain_decoder(
        config,
        read_heads(config),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
        layer=partial(sandwich_norm, names=norms) if config.boolean("use_post_norm", default=True) else pre_norm,
    )
