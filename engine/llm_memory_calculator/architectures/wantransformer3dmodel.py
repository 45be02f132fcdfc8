"""The transformer of Wan 2.1 and 2.2, from text and from an image."""

from ..architecture import Architecture
from ..config import Config
from ._wan import read_wan, wan


def build(config: Config) -> Architecture:
    return wan(config, read_wan(config))
