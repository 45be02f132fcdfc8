"""GLM-4.5, 4.6 and 4.7, Air: grouped KV heads, leading dense layers, then routed and shared experts."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, leading_dense, plain_decoder, read_heads, without_predictors


def build(config: Config) -> Architecture:
    bias, normed = config.boolean("attention_bias", default=False), config.boolean("use_qk_norm", default=False)
    model = plain_decoder(
        config,
        read_heads(config, kv_default=8),
        bias=False,
        attend=partial(attention, qkv_bias=bias, head_norms=normed),
        experts=beside_shared(config, shared=1),
        sparse=leading_dense(config, default=1),
    )
    return without_predictors(model, config, copies=True)
