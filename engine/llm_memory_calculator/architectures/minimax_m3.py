"""MiniMax-M3 by the name that its text has in other tools: with its tower where the config has a text_config."""

from ..architecture import Architecture
from ..config import Config
from ._rows import MINIMAX_M3_TEXT
from .minimax_m3_vl import build as build_whole
from .minimax_m3_vl_text import build as build_text


def build(config: Config) -> Architecture:
    if config.has("text_config", "vision_config"):
        return build_whole(config)
    return build_text(config.filled(**MINIMAX_M3_TEXT))
