"""GPT: GPT-2's blocks with norms over their results, and none before the head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, post_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("n_embd", "hidden_size"), "c_attn"
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=True,
        attend=partial(attention, path="attn", names=(fused, fused, fused, "c_proj")),
        feed=partial(feed_forward, bias=True, names=("c_fc", "c_proj")),
        layer=partial(post_norm, bias=True, names=("ln_1", "ln_2")),
        hidden=hidden,
        width=4 * hidden,
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        positions=config.integer("n_positions", "max_position_embeddings", default=512),
        tied_default=True,
        before_head=(),
        paths=("transformer.tokens_embed", "", "lm_head", "transformer.positions_embed"),
        length=("n_positions", "max_position_embeddings"),
    )
