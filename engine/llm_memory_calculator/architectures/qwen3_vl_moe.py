"""Qwen3-VL-30B-A3B and 235B-A22B: Qwen3-MoE with the tower of Qwen3-VL."""

from ..architecture import Architecture
from ..config import Config
from ._rows import ROWS
from ._vision import beside_qwen3_tower
from .qwen3_moe import build as build_text


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, ROWS["qwen3_vl_moe_text"].defaults, early=True)
