"""Granite Swash mixtures: a full layer first in each four, a sink for each head, a shared expert where set."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, read_heads, windows_of
from .granitemoe import experts_of
from .granitemoeshared import shared_expert


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config),
        attend=partial(attention, sinks=True),
        windows=windows_of(config, 128, slides=lambda index: index % 4 != 0),
        experts=experts_of(config, shared_expert(config)),
    )
