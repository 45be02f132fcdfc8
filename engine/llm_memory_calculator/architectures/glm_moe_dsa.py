"""GLM-5, 5.1 and 5.2: DeepSeek-V3.2's layers; from 5.2 on, most layers use the picks of an earlier layer's indexer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import depth_of
from ._deepseek import corrected_deepseek, own_indexers


def build(config: Config) -> Architecture:
    indexed = own_indexers(config, depth_of(config))
    # whether the layer for multi-token prediction of GLM-5.2 has an indexer is not known
    return corrected_deepseek(config, indexed=indexed, copies=False if all(indexed) else None)
