"""K-EXAONE: windows in three of four layers, leading dense layers, then routed experts and a shared one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    attention,
    beside_shared,
    leading_dense,
    periodic_windows,
    plain_decoder,
    read_heads,
    without_predictors,
)


def build(config: Config) -> Architecture:
    model = plain_decoder(
        config,
        read_heads(config, kv_default=32),
        attend=partial(attention, head_norms=True),
        windows=periodic_windows(config, 4096, period=4),
        experts=beside_shared(config, shared=1, correction="e_score_correction_bias"),
        sparse=leading_dense(config, default=1),
    )
    return without_predictors(model, config)
