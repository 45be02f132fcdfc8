"""Orion-14B: a Llama with LayerNorm."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(config, read_heads(config), layer=partial(pre_norm, bias=True), norm_bias=True)
