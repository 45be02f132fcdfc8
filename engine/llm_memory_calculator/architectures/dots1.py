"""dots.llm1: norms over each head of q and k, leading dense layers, then routed and shared experts."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, leading_dense, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    begin = config.integer("max_window_layers", default=62, least=0)
    return plain_decoder(
        config,
        read_heads(config, kv_default=32),
        attend=partial(attention, head_norms=True),
        windows=windows_of(config, 4096, slides=lambda index: index >= begin),
        experts=beside_shared(config),
        sparse=leading_dense(config, default=0),
    )
