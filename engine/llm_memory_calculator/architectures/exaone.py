"""EXAONE 3.0 and 3.5: a Llama whose modules have GPT-2's names."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, gated_feed_forward, plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    mlp_bias = config.boolean("mlp_bias", default=False)
    return plain_decoder(
        config,
        read_heads(config, kv_default=8),
        attend=partial(attention, path="attn.attention", names=names),
        feed=partial(gated_feed_forward, bias=mlp_bias, names=("c_fc_0", "c_fc_1", "c_proj")),
        layer=partial(pre_norm, names=("ln_1", "ln_2")),
        depth=depth_of(config, "num_layers", "num_hidden_layers"),
        path="transformer.h.{index}",
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
    )
