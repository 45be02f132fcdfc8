"""MiMo-7B: Qwen2's layers, and layers for multi-token prediction in the checkpoint."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import without_predictors
from .qwen2 import build as build_qwen2


def build(config: Config) -> Architecture:
    return without_predictors(build_qwen2(config), config, copies=False)
