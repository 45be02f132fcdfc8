"""Nemotron-4 and Minitron: LayerNorm with a bias, and a feed-forward of squared ReLU without a gate."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import feed_forward, plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    bias = config.boolean("mlp_bias", default=False)
    return plain_decoder(
        config,
        read_heads(config),
        feed=partial(feed_forward, bias=bias, names=("up_proj", "down_proj")),
        layer=partial(pre_norm, bias=True),
        norm_bias=True,
    )
