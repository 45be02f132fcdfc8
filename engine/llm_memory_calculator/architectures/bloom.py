"""BLOOM: ALiBi instead of positions, LayerNorm and biases throughout, a norm right after the table, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("n_embed", "hidden_size"), "query_key_value"
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=True,
        attend=partial(attention, path="self_attention", names=(fused, fused, fused, "dense")),
        feed=partial(feed_forward, bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        layer=partial(pre_norm, bias=True),
        hidden=hidden,
        width=4 * hidden,
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        after_table=(Norm(name="transformer.word_embeddings_layernorm", width=hidden, bias=True),),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
        length=("seq_length",),
    )
