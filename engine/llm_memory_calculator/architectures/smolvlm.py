"""SmolVLM and SmolVLM2: Idefics3 with a small Llama."""

from ..architecture import Architecture
from ..config import Config
from .idefics3 import build as build_idefics3


def build(config: Config) -> Architecture:
    return build_idefics3(config)
