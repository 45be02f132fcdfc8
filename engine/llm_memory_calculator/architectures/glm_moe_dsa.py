"""GLM-5, 5.1 and 5.2: DeepSeek-V3.2's layers; from 5.2 on, most layers use the picks of an earlier layer's indexer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, depth_of, router_correction, without_predictors
from ._deepseek import deepseek_stack, own_indexers


def build(config: Config) -> Architecture:
    correction = router_correction(config.integer("n_routed_experts", "num_local_experts"))
    stack = deepseek_stack(config, correction, indexed=own_indexers(config, depth_of(config)))
    return without_predictors(decoder(config, stack), config)
