"""ChatGLM2, ChatGLM3 and GLM-4-9B by their own code, and the first ChatGLM-6B."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Heads,
    attention,
    check_heads,
    depth_of,
    equal_heads,
    feed_forward,
    gated_feed_forward,
    plain_decoder,
    pre_norm,
)

_NAMES = ("query_key_value", "query_key_value", "query_key_value", "dense")


def build(config: Config) -> Architecture:
    if config.has("inner_hidden_size"):
        return _first(config)
    query = config.integer("num_attention_heads")
    kv = query
    if config.boolean("multi_query_attention", default=False):
        kv = config.integer("multi_query_group_num", default=1)
    check_heads(query, kv)
    bias = config.boolean("add_bias_linear", default=False)
    qkv_bias = bias or config.boolean("add_qkv_bias", default=False)
    norm_bias = not config.boolean("rmsnorm", default=True)
    paths = ("transformer.embedding.word_embeddings", "transformer.encoder.final_layernorm")
    return plain_decoder(
        config.renamed(vocab_size="padded_vocab_size"),
        Heads(query=query, kv=kv, dim=config.integer("kv_channels", default=128)),
        bias=bias,
        attend=partial(attention, qkv_bias=qkv_bias, path="self_attention", names=_NAMES),
        feed=partial(gated_feed_forward, bias=bias, names=("dense_h_to_4h", "dense_h_to_4h", "dense_4h_to_h")),
        layer=partial(pre_norm, bias=norm_bias),
        width=config.integer("ffn_hidden_size", default=13696),
        depth=depth_of(config, "num_layers", "num_hidden_layers"),
        path="transformer.encoder.layers.{index}",
        norm_bias=norm_bias,
        before_head=None if config.boolean("post_layer_norm", default=True) else (),
        paths=(*paths, "transformer.output_layer", ""),
        length=("seq_length", "max_position_embeddings"),
    )


def _first(config: Config) -> Architecture:
    """ChatGLM-6B: LayerNorm and biases, a feed-forward of two matrices, a tied head."""
    return plain_decoder(
        config,
        equal_heads(config.integer("hidden_size"), config.integer("num_attention_heads")),
        bias=True,
        attend=partial(attention, path="attention", names=_NAMES),
        feed=partial(feed_forward, bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        layer=partial(pre_norm, bias=True),
        width=config.integer("inner_hidden_size"),
        depth=depth_of(config, "num_layers"),
        path="transformer.layers.{index}",
        tied_default=True,
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.final_layernorm", "lm_head", ""),
        length=("max_sequence_length",),
    )
