"""The decoder of GLM-4.1V alone."""

from ..architecture import Architecture
from ..config import Config
from .glm4v import TEXT, build_text


def build(config: Config) -> Architecture:
    return build_text(config.completed(TEXT))
