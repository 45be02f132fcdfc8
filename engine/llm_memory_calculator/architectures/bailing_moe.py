"""Ling and Ring, 1 and 2.0: routed and shared experts; from 2.0 on norms of q and k, and a router correction."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder, without_predictors
from ._feed_forward import beside_shared, gated_feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, leading_dense, pre_norm


def build(config: Config) -> Architecture:
    hidden, bias = config.integer("hidden_size"), config.boolean("use_bias", default=False)
    attend = softmax_attention(config)
    corrected = config.boolean("moe_router_enable_expert_bias", default=False)
    experts = beside_shared(config, shared=0, bias=bias, correction="gate.expert_bias" if corrected else None)
    sparse = leading_dense(config, depth_of(config), default=0)
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias)
    stack = grouped(sparse, lambda kind: pre_norm(hidden, attend, experts if kind else dense), "model.layers.{index}")
    paths = ("model.word_embeddings", "model.norm", "lm_head", "")
    return without_predictors(decoder(config, stack, paths=paths), config)


def softmax_attention(config: Config) -> Operators:
    heads, bias, fused = read_heads(config), config.boolean("use_bias", default=False), "query_key_value"
    norms = query_key_norms(heads, path="attention", names=("query_layernorm", "key_layernorm"))
    return attention(
        config.integer("hidden_size"),
        heads,
        qkv_bias=bias or config.boolean("use_qkv_bias", "attention_bias", default=False),
        out_bias=bias,
        norms=norms if config.boolean("use_qk_norm", default=False) else (),
        path="attention",
        names=(fused, fused, fused, "dense"),
    )
