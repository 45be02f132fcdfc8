"""DeepSeek-V3.2: V3 with an indexer in each layer that picks the tokens to attend, and caches a key of every token."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, depth_of, router_correction, without_predictors
from ._deepseek import deepseek_stack


def build(config: Config) -> Architecture:
    correction = router_correction(config.integer("n_routed_experts", "num_local_experts"))
    stack = deepseek_stack(config, correction, indexed=[True] * depth_of(config))
    return without_predictors(decoder(config, stack), config)
