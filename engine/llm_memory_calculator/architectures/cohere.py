"""Command R and R+, Aya: attention and feed-forward side by side under one norm without bias, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, parallel, plain_decoder, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    norms = query_key_norms(heads, own_scales=True) if config.boolean("use_qk_norm", default=False) else ()
    return plain_decoder(config, heads, attend=partial(attention, norms=norms), layer=parallel, tied_default=True)
