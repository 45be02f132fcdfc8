"""InternLM 7B and 20B: a Llama, with biases in attention where the config says so."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(config, read_heads(config), bias=config.boolean("bias", default=True))
