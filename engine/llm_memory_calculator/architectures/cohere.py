"""Command R and R+, Aya: attention and feed-forward side by side under one norm without bias, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, parallel, plain_decoder, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    norms = query_key_norms(heads, own_scales=True) if config.boolean("use_qk_norm", default=False) else ()
    # the first two state the 8,192 tokens that they were trained with, and what they serve beside it
    length = ("model_max_length", "max_position_embeddings")
    return plain_decoder(
        config, heads, attend=partial(attention, norms=norms), layer=parallel, tied_default=True, length=length
    )
