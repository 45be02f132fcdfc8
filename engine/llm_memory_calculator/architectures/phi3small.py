"""Phi-3-small 8k and 128k: biases throughout, one matrix for gate and up, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    fused = "query_key_value"
    return plain_decoder(
        config,
        read_heads(config, kv_default=8),
        bias=True,
        attend=partial(attention, names=(fused, fused, fused, "dense")),
        feed=partial(gated_feed_forward, bias=True, names=("up_proj", "up_proj", "down_proj")),
        layer=partial(pre_norm, bias=True),
        width=config.integer("ff_intermediate_size", "intermediate_size"),
        tied_default=True,
        norm_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
