"""GPT-2: learned positions, LayerNorm and biases throughout, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("n_embd", "hidden_size")
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=True,
        attend=partial(attention, path="attn", names=("c_attn", "c_attn", "c_attn", "c_proj")),
        feed=partial(feed_forward, bias=True, names=("c_fc", "c_proj")),
        layer=partial(pre_norm, bias=True, names=("ln_1", "ln_2")),
        hidden=hidden,
        width=config.optional_integer("n_inner") or 4 * hidden,
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        positions=config.integer("n_positions", "max_position_embeddings", default=1024),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
        length=("n_positions", "max_position_embeddings"),
    )
