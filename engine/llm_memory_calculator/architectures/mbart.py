"""mBART: BART with the norms before each block and one at the end of each side."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(config, before=True, position_offset=2, table_norm=True)
