"""Gemma 3, text: Gemma 2 with norms over q and k, and five windowed layers to each full one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, read_heads, sandwich_norm, windows_of


def build(config: Config) -> Architecture:
    period = config.integer("sliding_window_pattern", "_sliding_window_pattern", default=6)
    return plain_decoder(
        config,
        read_heads(config, query_default=8, kv_default=4, dim_default=256),
        attend=partial(attention, head_norms=True),
        layer=sandwich_norm,
        windows=windows_of(config, 4096, slides=lambda index: (index + 1) % period != 0),
        tied_default=True,
    )
