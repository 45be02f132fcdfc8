"""Gemma 2: norms before and after each block, a sliding window in every other layer, the first one included."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, read_heads, sandwich_norm, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=4, dim_default=256),
        layer=sandwich_norm,
        windows=windows_of(config, 4096, slides=lambda index: index % 2 == 0),
        tied_default=True,
    )
