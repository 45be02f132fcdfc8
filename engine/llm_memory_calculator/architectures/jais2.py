"""Jais 2 8B and 70B: Nemotron's layers, with biases throughout."""

from ..architecture import Architecture
from ..config import Config
from .nemotron import build as build_nemotron


def build(config: Config) -> Architecture:
    return build_nemotron(config.filled(attention_bias=True, mlp_bias=True))
