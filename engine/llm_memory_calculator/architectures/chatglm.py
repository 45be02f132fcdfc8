"""ChatGLM2, ChatGLM3 and GLM-4-9B by their own code, and the first ChatGLM-6B."""

from ..architecture import Architecture
from ..config import Config
from ._attention import Heads, attention, check_heads, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward, gated_feed_forward
from ._stack import depth_of, grouped, pre_norm

_FUSED = "query_key_value"


def build(config: Config) -> Architecture:
    if config.has("inner_hidden_size"):
        return _first(config)
    hidden, query = config.integer("hidden_size"), config.integer("num_attention_heads")
    kv = query
    if config.boolean("multi_query_attention", default=False):
        kv = config.integer("multi_query_group_num", default=1)
    check_heads(query, kv)
    bias = config.boolean("add_bias_linear", default=False)
    learned_bias = not config.boolean("rmsnorm", default=True)
    block = pre_norm(
        hidden,
        attention(
            hidden,
            Heads(query=query, kv=kv, dim=config.integer("kv_channels", default=128)),
            qkv_bias=bias or config.boolean("add_qkv_bias", default=False),
            out_bias=bias,
            path="self_attention",
            names=(_FUSED, _FUSED, _FUSED, "dense"),
        ),
        gated_feed_forward(
            hidden,
            config.integer("ffn_hidden_size", default=13696),
            bias=bias,
            names=("dense_h_to_4h", "dense_h_to_4h", "dense_4h_to_h"),
        ),
        bias=learned_bias,
    )
    depth = depth_of(config, "num_layers", "num_hidden_layers")
    paths = ("transformer.embedding.word_embeddings", "transformer.encoder.final_layernorm")
    return decoder(
        config.renamed(vocab_size="padded_vocab_size"),
        grouped([None] * depth, lambda _: block, "transformer.encoder.layers.{index}"),
        norm_bias=learned_bias,
        before_head=None if config.boolean("post_layer_norm", default=True) else (),
        paths=(*paths, "transformer.output_layer", ""),
        length=("seq_length", "max_position_embeddings"),
    )


def _first(config: Config) -> Architecture:
    """ChatGLM-6B: LayerNorm and biases, a feed-forward of two matrices, a tied head."""
    hidden = config.integer("hidden_size")
    block = pre_norm(
        hidden,
        attention(
            hidden,
            equal_heads(hidden, config.integer("num_attention_heads")),
            qkv_bias=True,
            out_bias=True,
            path="attention",
            names=(_FUSED, _FUSED, _FUSED, "dense"),
        ),
        feed_forward(hidden, config.integer("inner_hidden_size"), bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        bias=True,
    )
    return decoder(
        config,
        grouped([None] * depth_of(config, "num_layers"), lambda _: block, "transformer.layers.{index}"),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.final_layernorm", "lm_head", ""),
        length=("max_sequence_length",),
    )
