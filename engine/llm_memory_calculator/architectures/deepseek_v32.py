"""DeepSeek-V3.2: V3 with an indexer in each layer that picks the tokens to attend, and caches a key of every token."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import depth_of
from ._deepseek import corrected_deepseek


def build(config: Config) -> Architecture:
    return corrected_deepseek(config, indexed=[True] * depth_of(config))
