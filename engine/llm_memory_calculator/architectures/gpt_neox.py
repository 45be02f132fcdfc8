"""GPT-NeoX, Pythia, RedPajama-INCITE: LayerNorm and biases throughout, attention and feed-forward side by side."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    heads, bias = (
        equal_heads(hidden, config.integer("num_attention_heads")),
        config.boolean("attention_bias", default=True),
    )
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=bias,
            out_bias=bias,
            path="attention",
            names=("query_key_value", "query_key_value", "query_key_value", "dense"),
        ),
        feed_forward(hidden, config.integer("intermediate_size"), bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        bias=True,
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "gpt_neox.layers.{index}"),
        norm_bias=True,
        paths=("gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out", ""),
    )
