"""Arcee AFM-4.5B: a Llama whose feed-forward is squared ReLU without a gate."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    bias = config.boolean("mlp_bias", default=False)
    return plain_decoder(
        config, read_heads(config), feed=partial(feed_forward, bias=bias, names=("up_proj", "down_proj"))
    )
