"""BLOOM: ALiBi instead of positions, LayerNorm and biases throughout, a norm right after the table, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("n_embed", "hidden_size")
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads"))
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=True,
            out_bias=True,
            path="self_attention",
            names=("query_key_value", "query_key_value", "query_key_value", "dense"),
        ),
        feed_forward(hidden, 4 * hidden, bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        bias=True,
    )
    depth = depth_of(config, "n_layer", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        after_table=(Norm(name="transformer.word_embeddings_layernorm", width=hidden, bias=True),),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
        length=("seq_length",),
    )
