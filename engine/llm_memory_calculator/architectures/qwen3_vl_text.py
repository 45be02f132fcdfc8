"""The decoder of Qwen3-VL alone."""

from ..architecture import Architecture
from ..config import Config
from .qwen3 import build as build_text
from .qwen3_vl import TEXT


def build(config: Config) -> Architecture:
    return build_text(config.completed(TEXT))
