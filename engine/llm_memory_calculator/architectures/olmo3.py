"""OLMo 3: OLMo 2 with three windowed layers to each full one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, post_norm, query_key_norms, read_heads, windows_of


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    return plain_decoder(
        config,
        heads,
        attend=partial(attention, norms=query_key_norms(heads, own_scales=True)),
        layer=post_norm,
        windows=windows_of(config, 4096, slides=lambda index: (index + 1) % 4 != 0),
    )
