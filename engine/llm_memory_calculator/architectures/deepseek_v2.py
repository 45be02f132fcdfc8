"""DeepSeek-V2, V2-Lite, Coder-V2: latent attention, leading dense layers, routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder
from ._deepseek import deepseek_stack


def build(config: Config) -> Architecture:
    return decoder(config, deepseek_stack(config, bias=config.boolean("mlp_bias", default=False)))
