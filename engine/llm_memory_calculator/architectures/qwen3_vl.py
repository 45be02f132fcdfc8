"""Qwen3-VL: Qwen3 with a tower whose earlier layers feed the first layers of the decoder too."""

from ..architecture import Architecture
from ..config import Config
from ._rows import ROWS
from ._vision import beside_qwen3_tower
from .qwen3 import build as build_text


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, ROWS["qwen3_vl_text"].defaults, early=True)
