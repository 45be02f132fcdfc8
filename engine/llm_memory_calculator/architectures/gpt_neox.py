"""GPT-NeoX, Pythia, RedPajama-INCITE: LayerNorm and biases throughout, attention and feed-forward side by side."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, equal_heads, feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    fused, bias = "query_key_value", config.boolean("attention_bias", default=True)
    return plain_decoder(
        config,
        equal_heads(config.integer("hidden_size"), config.integer("num_attention_heads")),
        bias=bias,
        attend=partial(attention, path="attention", names=(fused, fused, fused, "dense")),
        feed=partial(feed_forward, bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        layer=partial(pre_norm, bias=True),
        path="gpt_neox.layers.{index}",
        norm_bias=True,
        paths=("gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out", ""),
    )
