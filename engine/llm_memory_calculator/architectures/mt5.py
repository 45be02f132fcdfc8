"""mT5: T5 with a gated feed-forward and a vocabulary of 101 languages."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import read_t5, t5_model


def build(config: Config) -> Architecture:
    return t5_model(config, read_t5(config))
