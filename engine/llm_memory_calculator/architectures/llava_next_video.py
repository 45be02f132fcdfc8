"""LLaVA-NeXT-Video: LLaVA-NeXT, whose frames are pooled without further weights."""

from ..architecture import Architecture
from ..config import Config
from .llava_next import build as build_images


def build(config: Config) -> Architecture:
    return build_images(config)
