"""OLMo 1: a Llama whose LayerNorms learn nothing."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    norm, post, final = (
        Norm(name=name, width=hidden, scaled=False)
        for name in ("input_layernorm", "post_attention_layernorm", "model.norm")
    )
    block = (
        norm,
        *attention(hidden, heads, qkv_bias=bias, out_bias=bias),
        post,
        *gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(
        config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"), before_head=(final,)
    )
