"""Ministral 3, 3B to 14B: Mistral with heads of 128 values and no window, unless the config says otherwise."""

from ..architecture import Architecture
from ..config import Config
from .mistral import build as build_mistral


def build(config: Config) -> Architecture:
    return build_mistral(config.completed({"sliding_window": None, "head_dim": 128}))
