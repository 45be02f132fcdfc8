"""CodeGen: GPT-J's layers with one product for q, k and v."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, parallel, plain_decoder


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("n_embd", "hidden_size"), "qkv_proj"
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("n_head", "num_attention_heads")),
        bias=False,
        attend=partial(attention, path="attn", names=(fused, fused, fused, "out_proj")),
        feed=partial(feed_forward, bias=True, names=("fc_in", "fc_out")),
        layer=partial(parallel, name="ln_1", bias=True),
        hidden=hidden,
        width=config.optional_integer("n_inner") or 4 * hidden,
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        norm_bias=True,
        head_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
        length=("n_positions", "max_position_embeddings"),
    )
