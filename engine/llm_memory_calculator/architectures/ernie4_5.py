"""ERNIE 4.5 0.3B: a Llama with two KV heads and a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    bias = config.boolean("use_bias", default=False)
    return plain_decoder(
        config,
        read_heads(config, kv_default=2, dim_default=128),
        bias=bias,
        feed=partial(gated_feed_forward, bias=bias),
        tied_default=True,
    )
