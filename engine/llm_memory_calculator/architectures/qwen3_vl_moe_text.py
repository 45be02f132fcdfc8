"""The decoder of a Qwen3-VL mixture alone."""

from ..architecture import Architecture
from ..config import Config
from .qwen3_moe import build as build_text
from .qwen3_vl_moe import TEXT


def build(config: Config) -> Architecture:
    return build_text(config.completed(TEXT))
