"""Command R7B and A: Command R with three windowed layers to each full one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import parallel, periodic_windows, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config, read_heads(config), layer=parallel, windows=periodic_windows(config, 4096, period=4), tied_default=True
    )
