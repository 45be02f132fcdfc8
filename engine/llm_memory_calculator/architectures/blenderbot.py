"""Blenderbot: learned positions, norms before each block, an encoder of two layers before a deep decoder."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(
        config, before=True, hidden=2560, sides=((2, 10_240, 32), (24, 10_240, 32)), vocabulary=8008, longest=(128, 128)
    )
