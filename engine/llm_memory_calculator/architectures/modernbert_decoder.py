"""ModernBERT as a decoder (Ettin): windows in two of three layers, a dense layer and a norm before the tied head."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Norm
from ._blocks import (
    Operators,
    attention,
    decoder,
    depth_of,
    equal_heads,
    gated_feed_forward,
    grouped,
    layer_windows,
    plain,
)


def build(config: Config) -> Architecture:
    hidden, width = config.integer("hidden_size"), config.integer("intermediate_size")
    heads, depth = equal_heads(hidden, config.integer("num_attention_heads")), depth_of(config)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    norm_bias = config.boolean("norm_bias", default=False)
    every = config.integer("global_attn_every_n_layers", default=3)
    window = config.integer("local_attention", default=128) // 2

    def block(kind: tuple[bool, int | None]) -> Operators:
        leads, own = kind
        attend = attention(
            hidden,
            heads,
            window=own,
            qkv_bias=bias,
            out_bias=bias,
            path="attn",
            names=("q_proj", "k_proj", "v_proj", "Wo"),
        )
        return (
            *(() if leads else (Norm(name="attn_norm", width=hidden, bias=norm_bias),)),
            *attend,
            Norm(name="mlp_norm", width=hidden, bias=norm_bias),
            *gated_feed_forward(hidden, width, bias=mlp_bias, names=("Wi", "Wi", "Wo")),
        )

    windows = layer_windows(config, depth, window, slides=lambda index: index % every != 0)
    return decoder(
        config,
        grouped([(index == 0, own) for index, own in enumerate(windows)], block, "model.layers.{index}"),
        tied_default=True,
        head_bias=config.boolean("decoder_bias", default=True),
        after_table=(Norm(name="model.embeddings.norm", width=hidden, bias=norm_bias),),
        before_head=(
            Norm(name="model.final_norm", width=hidden, bias=norm_bias),
            plain("lm_head.dense", hidden, hidden, config.boolean("classifier_bias", default=False)),
            Activation(name="lm_head.act", width=hidden, gated=False),
            Norm(name="lm_head.norm", width=hidden, bias=norm_bias),
        ),
        paths=("model.embeddings.tok_embeddings", "", "decoder", ""),
    )
