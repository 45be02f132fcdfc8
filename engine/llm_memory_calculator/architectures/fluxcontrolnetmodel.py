"""A ControlNet of Flux: the first of its layers once more, each with a product that it hands to the one it controls."""

from ..architecture import Architecture
from ..config import Config
from ._flux import flux


def build(config: Config) -> Architecture:
    return flux(config, controls=True)
