"""Jais 13B and 30B: GPT-2 with a gated feed-forward, and ALiBi in place of learned positions."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, gated_feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    hidden, names = config.integer("n_embd", "hidden_size"), ("c_fc2", "c_fc", "c_proj")
    gated = config.text("activation_function", default="gelu_new") == "swiglu"
    learned = config.text("position_embedding_type", default="learned") == "learned"
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=True,
        attend=partial(attention, path="attn", names=("c_attn", "c_attn", "c_attn", "c_proj")),
        feed=partial(gated_feed_forward, bias=True, names=names)
        if gated
        else partial(feed_forward, bias=True, names=names[1:]),
        layer=partial(pre_norm, bias=True, names=("ln_1", "ln_2")),
        hidden=hidden,
        width=config.optional_integer("n_inner") or 4 * hidden,
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        positions=config.integer("n_positions", default=1024) if learned else None,
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
        length=("n_positions", "max_position_embeddings"),
    )
