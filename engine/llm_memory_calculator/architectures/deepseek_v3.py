"""DeepSeek-V3, R1 and V3.1: V2 with a router correction, and layers for multi-token prediction in the checkpoint."""

from ..architecture import Architecture
from ..config import Config
from ._deepseek import corrected_deepseek


def build(config: Config) -> Architecture:
    return corrected_deepseek(config)
