"""Hunyuan 0.5B to 7B: a Llama with norms over each head of q and k."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    norms = query_key_norms(heads, names=("query_layernorm", "key_layernorm"))
    return plain_decoder(config, heads, attend=partial(attention, norms=norms))
