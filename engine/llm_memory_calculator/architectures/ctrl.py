"""CTRL: positions that are not learned, LayerNorm and biases throughout, also on the tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    hidden, names = config.integer("n_embd", "hidden_size"), ("Wq", "Wk", "Wv", "dense")
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=True,
        attend=partial(attention, path="multi_head_attention", names=names),
        feed=partial(feed_forward, bias=True, path="ffn", names=("0", "2")),
        layer=partial(pre_norm, bias=True, names=("layernorm1", "layernorm2")),
        hidden=hidden,
        width=config.integer("dff", default=8192),
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        tied_default=True,
        norm_bias=True,
        head_bias=True,
        paths=("transformer.w", "transformer.layernorm", "lm_head", ""),
        length=("n_positions", "max_position_embeddings"),
    )
