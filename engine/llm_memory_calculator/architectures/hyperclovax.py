"""HyperCLOVA X SEED Think: a Llama with norms over the output of each block too."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm, sandwich_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias)
    feed = gated_feed_forward(hidden, config.integer("intermediate_size"), bias=mlp_bias)
    block = pre_norm(hidden, attend, feed)
    if config.boolean("use_post_norm", default=True):
        names = ("input_layernorm", "post_norm1", "post_attention_layernorm", "post_norm2")
        block = sandwich_norm(hidden, attend, feed, names=names)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
