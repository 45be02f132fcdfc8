"""UMT5: mT5 with a table of relative positions in every layer."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import read_t5, t5_model


def build(config: Config) -> Architecture:
    return t5_model(config, read_t5(config, tables_everywhere=True))
