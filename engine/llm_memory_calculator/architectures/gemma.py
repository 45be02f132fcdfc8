"""Gemma 1: heads of 256 values, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(config, read_heads(config, kv_default=16, dim_default=256), tied_default=True)
