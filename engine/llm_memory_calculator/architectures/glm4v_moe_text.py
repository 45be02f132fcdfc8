"""The decoder of GLM-4.5V alone."""

from ..architecture import Architecture
from ..config import Config
from .glm4_moe import build as build_text
from .glm4v_moe import TEXT


def build(config: Config) -> Architecture:
    return build_text(config.completed(TEXT))
