"""BLIP-2 with an OPT or a Flan-T5: 32 queries make the tokens of an image."""

from ..architecture import Architecture
from ..config import Config
from ._blip import blip


def build(config: Config) -> Architecture:
    return blip(config, tables=False)
