"""T5 and Flan-T5: relative positions in one table a side, RMSNorms before each block, no biases, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import T5, read_t5, t5_model


def build(config: Config) -> Architecture:
    return t5_model(config, sizes_of(config))


def sizes_of(config: Config) -> T5:
    """The sizes of a T5 with this family's defaults."""
    return read_t5(config, sizes=(512, 2048, 6, 8, 32_128), projection="relu")
