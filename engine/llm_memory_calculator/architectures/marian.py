"""Marian: BART with tables of sinusoidal positions and no norm after the tables."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(config, before=False, vocabulary=58_101)
