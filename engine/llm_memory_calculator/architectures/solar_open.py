"""Solar Open 100B: routed experts and a shared one in each layer."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=128),
        bias=False,
        attend=partial(attention, qkv_bias=config.boolean("attention_bias", default=False)),
        experts=beside_shared(config, shared=1),
    )
