"""OLMo 2: norms over the output of each block, and over all of q and k at once."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, post_norm, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    attend = partial(attention, norms=query_key_norms(heads, own_scales=True))
    return plain_decoder(config, heads, attend=attend, layer=post_norm)
