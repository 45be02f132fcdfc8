"""M2M-100 and NLLB: Pegasus whose sinusoidal positions are computed and stored nowhere."""

from ..architecture import Architecture
from ..config import Config
from ._seq2seq import bart_model


def build(config: Config) -> Architecture:
    return bart_model(config, before=True, vocabulary=128_112, position_offset=None, logits_bias=False)
