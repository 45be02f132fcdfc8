"""Phi-1, 1.5 and 2: attention and feed-forward side by side, LayerNorm and biases throughout, also on the head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, attention, feed_forward, parallel, plain_decoder, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    norms: Operators = ()
    if config.boolean("qk_layernorm", default=False):
        norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), bias=True)
    return plain_decoder(
        config,
        heads,
        bias=True,
        attend=partial(attention, norms=norms, names=("q_proj", "k_proj", "v_proj", "dense")),
        feed=partial(feed_forward, bias=True, names=("fc1", "fc2")),
        layer=partial(parallel, bias=True),
        norm_bias=True,
        head_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
