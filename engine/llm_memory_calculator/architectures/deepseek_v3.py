"""DeepSeek-V3, R1 and V3.1: V2 with a router correction, and layers for multi-token prediction in the checkpoint."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, router_correction, without_predictors
from ._deepseek import deepseek_stack


def build(config: Config) -> Architecture:
    correction = router_correction(config.integer("n_routed_experts", "num_local_experts"))
    return without_predictors(decoder(config, deepseek_stack(config, correction)), config)
