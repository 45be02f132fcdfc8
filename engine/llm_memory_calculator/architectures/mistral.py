"""Mistral 7B to Large, Nemo, Ministral: Llama with a head size of its own and, where set, a sliding window."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(config, read_heads(config, kv_default=8), bias=False, windows=windows_of(config, 4096))
