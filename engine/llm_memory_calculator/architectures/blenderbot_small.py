"""Blenderbot of 90 million: BART with as many positions as its length."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(
        config, before=False, hidden=512, sides=((8, 2048, 16), (8, 2048, 16)), longest=(512, 512), table_norm=True
    )
