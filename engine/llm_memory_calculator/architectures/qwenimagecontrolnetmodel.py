"""A ControlNet of Qwen-Image: the first of its layers once more, each with a product for the one it controls."""

from ..architecture import Architecture
from ..config import Config
from ._qwen_image import qwen_image


def build(config: Config) -> Architecture:
    return qwen_image(config, controls=True)
