"""Hunyuan 3: norms over each head of q and k, a leading dense layer, then routed experts and a shared one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    beside_shared,
    gated_feed_forward,
    leading_dense,
    plain_decoder,
    read_heads,
    without_predictors,
)


def build(config: Config) -> Architecture:
    mlp_bias = config.boolean("mlp_bias", default=False)
    names = ("experts", "shared_mlp", "router.gate")
    model = plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=128),
        attend=partial(attention, head_norms=True),
        feed=partial(gated_feed_forward, bias=mlp_bias),
        experts=beside_shared(config, shared=1, bias=mlp_bias, names=names, correction="expert_bias"),
        sparse=leading_dense(config, default=1),
    )
    return without_predictors(model, config)
