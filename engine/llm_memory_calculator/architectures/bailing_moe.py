"""Ling and Ring, 1 and 2.0: routed and shared experts; from 2.0 on norms of q and k, and a router correction."""

from collections.abc import Callable
from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Heads,
    Operators,
    attention,
    beside_shared,
    gated_feed_forward,
    leading_dense,
    plain_decoder,
    query_key_norms,
    read_heads,
    without_predictors,
)


def build(config: Config) -> Architecture:
    heads, bias = read_heads(config), config.boolean("use_bias", default=False)
    corrected = config.boolean("moe_router_enable_expert_bias", default=False)
    model = plain_decoder(
        config,
        heads,
        bias=bias,
        attend=softmax_attention(config, heads, bias),
        feed=partial(gated_feed_forward, bias=bias),
        experts=beside_shared(config, shared=0, bias=bias, correction="gate.expert_bias" if corrected else None),
        sparse=leading_dense(config, default=0),
        paths=("model.word_embeddings", "model.norm", "lm_head", ""),
    )
    return without_predictors(model, config)


def softmax_attention(config: Config, heads: Heads, bias: bool) -> Callable[..., Operators]:
    """Ling's attention; bias is that of its output projection, and of q, k and v unless the config has one for them."""
    norms: Operators = ()
    if config.boolean("use_qk_norm", default=False):
        norms = query_key_norms(heads, path="attention", names=("query_layernorm", "key_layernorm"))
    return partial(
        attention,
        qkv_bias=bias or config.boolean("use_qkv_bias", "attention_bias", default=False),
        norms=norms,
        path="attention",
        names=("query_key_value", "query_key_value", "query_key_value", "dense"),
    )
