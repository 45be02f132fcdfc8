"""Granite Swash: a full layer first in each four, the others windowed, and a sink for each head in all."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=4),
        attend=partial(attention, sinks=True),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
        windows=windows_of(config, 128, slides=lambda index: index % 4 != 0),
        tied_default=True,
    )
