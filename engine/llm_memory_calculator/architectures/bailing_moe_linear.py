"""Ring-linear 1 and 2.0: Ling with lightning attention in most layers, softmax attention at the end of each group."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Operators,
    beside_shared,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    leading_dense,
    pre_norm,
    query_key_norms,
    read_heads,
    without_predictors,
)
from ._linear_attention import lightning_attention
from .bailing_moe import softmax_attention

CHUNK = 64


def build(config: Config) -> Architecture:
    heads, bias = read_heads(config), config.boolean("use_bias", default=False)
    full = softmax_attention(config, heads, bias)(config.integer("hidden_size"), heads, bias=bias)
    return of_lightning(config, full)


def of_lightning(config: Config, full: Operators) -> Architecture:
    """Ling's layers with lightning attention; `full` is the attention of the last layer of each group."""
    hidden, depth, path = config.integer("hidden_size"), depth_of(config), "attention"
    heads = read_heads(config)
    # linear attention has as many keys and values as queries
    heads = replace(heads, kv=heads.query)
    bias = config.boolean("use_bias", default=False)
    norms = query_key_norms(heads, path=path, names=("query_layernorm", "key_layernorm"))
    lightning = lightning_attention(
        hidden,
        heads,
        CHUNK,
        path=path,
        names=("query_key_value", "g_norm", "g_proj", "dense"),
        norms=norms if config.boolean("use_qk_norm", default=False) else (),
        qkv_bias=bias or config.boolean("use_qkv_bias", default=False),
        out_bias=bias,
    )
    corrected = config.boolean("moe_router_enable_expert_bias", default=False)
    experts = beside_shared(config, shared=0, bias=bias, correction="gate.expert_bias" if corrected else None)
    sparse = leading_dense(config, default=0)
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias)
    group = config.integer("layer_group_size", default=1)
    whole = depth // group * group
    kinds = [((index + 1) % group == 0 or index >= whole, routed) for index, routed in enumerate(sparse)]
    stack = grouped(
        kinds,
        lambda kind: pre_norm(hidden, full if kind[0] else lightning, experts if kind[1] else dense),
        "model.layers.{index}",
    )
    paths = ("model.word_embeddings", "model.norm", "lm_head", "")
    return without_predictors(decoder(config, stack, paths=paths), config)
