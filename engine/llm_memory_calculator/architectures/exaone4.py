"""EXAONE 4.0: norms over the output of each block and over each head of q and k; the 32B has windows in most layers."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, periodic_windows, plain_decoder, post_norm, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=32),
        bias=False,
        attend=partial(attention, head_norms=True),
        layer=post_norm,
        windows=periodic_windows(config, 4096, period=4),
    )
