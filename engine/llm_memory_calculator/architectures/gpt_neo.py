"""GPT-Neo: GPT-2 without biases on q, k and v; every second layer attends 256 tokens, yet caches all of them."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    config.note("window_size", "The local layers mask what is outside their window; they store and read all of it.")
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("num_heads", "num_attention_heads")),
        bias=False,
        attend=partial(attention, out_bias=True, path="attn.attention", names=names),
        feed=partial(feed_forward, bias=True, names=("c_fc", "c_proj")),
        layer=partial(pre_norm, bias=True, names=("ln_1", "ln_2")),
        width=config.optional_integer("intermediate_size") or 4 * hidden,
        depth=depth_of(config, "num_layers", "num_hidden_layers"),
        path="transformer.h.{index}",
        positions=config.integer("max_position_embeddings", default=2048),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
    )
