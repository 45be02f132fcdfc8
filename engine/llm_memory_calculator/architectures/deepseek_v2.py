"""DeepSeek-V2, V2-Lite, Coder-V2: latent attention, leading dense layers, routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import decoder, router_correction
from ._deepseek import deepseek_stack


def build(config: Config) -> Architecture:
    # the largest DeepSeek-VL2 is balanced as V3 is
    balanced = config.has("topk_method") and config.text("topk_method") == "noaux_tc"
    corrections = (router_correction(config.integer("n_routed_experts")),) if balanced else ()
    return decoder(config, deepseek_stack(config, *corrections, bias=config.boolean("mlp_bias", default=False)))
