"""BART: learned positions, two more than its length, norms after each sum and after the tables."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(config, before=False, position_offset=2, table_norm=True, label_default=3)
