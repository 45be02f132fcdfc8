"""ERNIE 4.5 21B-A3B and 300B-A47B: leading dense layers, then routed and shared experts with a router correction."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Buffer
from ._blocks import Operators, depth_of, gated_feed_forward, mixture, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    bias = config.boolean("use_bias", default=False)
    begin = config.integer("moe_layer_start_index", default=1, least=0)
    end = config.integer("moe_layer_end_index", default=-1, least=-1)
    every, indices = config.integer("moe_layer_interval", default=1), range(depth_of(config))
    return plain_decoder(
        config,
        read_heads(config, kv_default=4),
        bias=bias,
        feed=partial(gated_feed_forward, bias=bias),
        experts=_experts(config, bias),
        sparse=[begin <= index and (end < 0 or index <= end) and (index + 1) % every == 0 for index in indices],
        tied_default=True,
        head_bias=bias,
    )


def _experts(config: Config, bias: bool) -> Operators:
    hidden, width = config.integer("hidden_size"), config.integer("moe_intermediate_size")
    count, number = (
        config.integer("moe_num_experts", "num_experts"),
        config.integer("moe_num_shared_experts", default=2, least=0),
    )
    shared: Operators = ()
    if number:
        shared = gated_feed_forward(
            hidden, number * width, bias=bias, path="mlp.shared_experts", shared=True, reduces=False
        )
    active = config.integer("moe_k", "num_experts_per_tok")
    correction = Buffer(name="mlp.moe_statics.e_score_correction_bias", size=count, counted=True)
    return (*mixture(hidden, count=count, active=active, width=width, shared=shared), correction)
