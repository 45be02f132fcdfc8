"""Qwen 1: a Llama with biases on q, k and v, whose config states twice the width of its feed-forward; Qwen-VL too."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import Heads, attention, gated_feed_forward, plain_decoder, pre_norm
from ._qwen_visual import encoder


def build(config: Config) -> Architecture:
    query, both = config.integer("num_attention_heads"), config.integer("intermediate_size")
    if both % 2:
        raise ConfigError(f"The config's intermediate_size {both} is the width of two products together, hence even.")
    text = plain_decoder(
        config,
        Heads(query=query, kv=query, dim=config.integer("kv_channels", default=128)),
        bias=False,
        attend=partial(attention, qkv_bias=True, path="attn", names=("c_attn", "c_attn", "c_attn", "c_proj")),
        feed=partial(gated_feed_forward, names=("w2", "w1", "c_proj")),
        layer=partial(pre_norm, names=("ln_1", "ln_2")),
        width=both // 2,
        path="transformer.h.{index}",
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
        length=("seq_length", "max_position_embeddings"),
    )
    return encoder(text, config.section("visual")) if config.has("visual") else text
