"""Falcon 7B, 40B, 180B, 11B and RW: attention and feed-forward side by side, one KV head or a few, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import Heads, Operators, attention, check_heads, feed_forward, plain_decoder, share


def build(config: Config) -> Architecture:
    # n_head_kv: Falcon 40B before it came into transformers, when each size had code of its own
    before = config.has("n_head_kv")
    config = config.renamed(
        hidden_size="n_embed", num_hidden_layers="n_layer", num_attention_heads="n_head", num_kv_heads="n_head_kv"
    )
    hidden, query = config.integer("hidden_size"), config.integer("num_attention_heads")
    new = config.boolean("new_decoder_architecture", default=before)
    if new:
        kv = config.integer("num_kv_heads", default=query)
    else:
        kv = 1 if config.boolean("multi_query", default=True) else query
    check_heads(query, kv)
    side_by_side = new or config.boolean("parallel_attn", default=True)
    two_norms = new and config.integer("num_ln_in_parallel_attn", default=2) == 2
    norms = ["ln_attn", "ln_mlp"] if two_norms else ["input_layernorm"]
    if not side_by_side:
        norms.append("post_attention_layernorm")
    bias, fused = config.boolean("bias", default=False), "query_key_value"
    names = (fused, fused, fused, "dense")

    def layer(hidden: int, attend: Operators, feed: Operators) -> Operators:
        return (*(Norm(name=name, width=hidden, bias=True) for name in norms), *attend, *feed)

    return plain_decoder(
        config,
        Heads(query=query, kv=kv, dim=share(hidden, query)),
        bias=bias,
        attend=partial(attention, path="self_attention", names=names, reduces=not side_by_side),
        feed=partial(feed_forward, bias=bias, names=("dense_h_to_4h", "dense_4h_to_h")),
        layer=layer,
        width=config.integer("ffn_hidden_size", "intermediate_size", default=4 * hidden),
        path="transformer.h.{index}",
        tied_default=True,
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
        gguf_rules="falcon",
    )
