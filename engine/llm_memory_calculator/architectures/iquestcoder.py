"""IQuest-Coder-V1 40B: a Llama with heads of 128 values."""

from ..architecture import Architecture
from ..config import Config
from .llama import build as build_llama


def build(config: Config) -> Architecture:
    return build_llama(config.filled(num_key_value_heads=8, head_dim=128))
