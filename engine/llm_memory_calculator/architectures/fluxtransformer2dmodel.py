"""The transformer of Flux: layers of two streams that attend as one, then layers of one stream in parallel blocks."""

from ..architecture import Architecture
from ..config import Config
from ._flux import flux


def build(config: Config) -> Architecture:
    return flux(config)
