"""Persimmon 8B: LayerNorm and biases, norms over each head of q and k, squared ReLU without a gate."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, attention, equal_heads, feed_forward, plain_decoder, pre_norm, query_key_norms


def build(config: Config) -> Architecture:
    heads = equal_heads(config.integer("hidden_size"), config.integer("num_attention_heads"))
    norms: Operators = ()
    if config.boolean("qk_layernorm", default=True):
        norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), bias=True)
    names = ("query_key_value", "query_key_value", "query_key_value", "dense")
    return plain_decoder(
        config,
        heads,
        bias=True,
        attend=partial(attention, norms=norms, names=names),
        feed=partial(feed_forward, bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        layer=partial(pre_norm, bias=True),
        norm_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
