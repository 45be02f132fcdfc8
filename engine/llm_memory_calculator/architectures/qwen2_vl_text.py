"""The decoder of Qwen2-VL alone."""

from ..architecture import Architecture
from ..config import Config
from ._vision import QWEN2_TEXT
from .qwen2 import build as build_text


def build(config: Config) -> Architecture:
    return build_text(config.completed(QWEN2_TEXT))
