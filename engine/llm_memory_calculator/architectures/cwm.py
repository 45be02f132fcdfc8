"""Code World Model 32B: a Llama with a full layer first in each four, the others windowed."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=128),
        bias=False,
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
        windows=windows_of(config, 8192, slides=lambda index: index % 4 != 0),
    )
