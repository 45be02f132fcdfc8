"""A ControlNet of Stable Diffusion 3: its first layers once more, each with a product for the one it controls."""

from ..architecture import Architecture
from ..config import Config
from ._sd3 import sd3


def build(config: Config) -> Architecture:
    return sd3(config, controls=True)
