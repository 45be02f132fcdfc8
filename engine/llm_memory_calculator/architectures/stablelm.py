"""StableLM 3B, 2-1.6B and 2-12B: a Llama with LayerNorm; the 12B norms q and k and has its blocks side by side."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, attention, parallel, plain_decoder, pre_norm, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads, bias = read_heads(config, kv_default=32), config.boolean("use_qkv_bias", default=False)
    norms: Operators = ()
    if config.boolean("qk_layernorm", default=False):
        norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), own_scales=True)
    side_by_side = config.boolean("use_parallel_residual", default=False)
    return plain_decoder(
        config,
        heads,
        bias=False,
        attend=partial(attention, qkv_bias=bias, norms=norms),
        layer=partial(parallel, bias=True) if side_by_side else partial(pre_norm, bias=True),
        norm_bias=True,
    )
