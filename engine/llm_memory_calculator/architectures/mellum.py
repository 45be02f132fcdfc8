"""Mellum 2: Qwen3's mixture with windows in the layers that layer_types names."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, leading_dense, plain_decoder, read_heads, windows_of, without_predictors


def build(config: Config) -> Architecture:
    model = plain_decoder(
        config,
        read_heads(config, kv_default=4, dim_default=128),
        attend=partial(attention, head_norms=True),
        windows=windows_of(config, 1024, slides=lambda _: False),
        experts=beside_shared(config, shared=0, correction=None),
        sparse=leading_dense(config, default=0),
    )
    return without_predictors(model, config.renamed(num_nextn_predict_layers="num_mtp_layers"))
