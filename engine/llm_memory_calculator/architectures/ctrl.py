"""CTRL: positions that are not learned, LayerNorm and biases throughout, also on the tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("n_embd", "hidden_size")
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads"))
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=True,
            out_bias=True,
            path="multi_head_attention",
            names=("Wq", "Wk", "Wv", "dense"),
        ),
        feed_forward(hidden, config.integer("dff", default=8192), bias=True, path="ffn", names=("0", "2")),
        bias=True,
        names=("layernorm1", "layernorm2"),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config, "n_layer", "num_hidden_layers"), lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        tied_default=True,
        norm_bias=True,
        head_bias=True,
        paths=("transformer.w", "transformer.layernorm", "lm_head", ""),
        length=("n_positions", "max_position_embeddings"),
    )
