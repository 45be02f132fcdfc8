"""LFM2 mixtures (LFM2-8B-A1B): LFM2 with routed experts after a few dense layers."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import gated_feed_forward, mixture, router_correction
from .lfm2 import NAMES, of_convolutions


def build(config: Config) -> Architecture:
    hidden, leading = config.integer("hidden_size"), config.integer("num_dense_layers", default=2, least=0)
    count = config.integer("num_experts", "num_local_experts", default=32)
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok", default=4),
        width=config.integer("moe_intermediate_size", default=1792),
        router="feed_forward.gate",
        module="feed_forward.experts",
        names=NAMES,
    )
    if config.boolean("use_expert_bias", default=True):
        experts += (router_correction(count, "feed_forward.expert_bias"),)
    dense = gated_feed_forward(
        hidden, config.integer("intermediate_size", default=7168), path="feed_forward", names=NAMES
    )
    return of_convolutions(config, lambda index: dense if index < leading else experts)
