"""Falcon 7B, 40B, 180B, 11B and RW: attention and feed-forward side by side, one KV head or a few, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import Heads, attention, check_heads, share
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped


def build(config: Config) -> Architecture:
    hidden, query = config.integer("hidden_size"), config.integer("num_attention_heads")
    new = config.boolean("new_decoder_architecture", default=False)
    if new:
        kv = config.integer("num_kv_heads", "n_head_kv", default=query)
    else:
        kv = 1 if config.boolean("multi_query", default=True) else query
    check_heads(query, kv)
    parallel = new or config.boolean("parallel_attn", default=True)
    bias = config.boolean("bias", default=False)
    two_norms = new and config.integer("num_ln_in_parallel_attn", default=2) == 2
    names = ["ln_attn", "ln_mlp"] if two_norms else ["input_layernorm"]
    if not parallel:
        names.append("post_attention_layernorm")
    norms = tuple(Norm(name=name, width=hidden, bias=True) for name in names)
    block = (
        *norms,
        *attention(
            hidden,
            Heads(query=query, kv=kv, dim=share(hidden, query)),
            qkv_bias=bias,
            out_bias=bias,
            path="self_attention",
            names=("query_key_value", "query_key_value", "query_key_value", "dense"),
            reduces=not parallel,
        ),
        *feed_forward(
            hidden,
            config.integer("ffn_hidden_size", "intermediate_size", default=4 * hidden),
            bias=bias,
            names=("dense_h_to_4h", "dense_4h_to_h"),
        ),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "transformer.h.{index}"),
        tied_default=True,
        gguf_rules="falcon",
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
    )
