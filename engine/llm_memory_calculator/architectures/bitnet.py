"""BitNet b1.58 2B: a Llama with norms before the last product of both blocks, and squared ReLU in the gate."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=5)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    *attend, out = attention(hidden, heads, qkv_bias=bias, out_bias=bias)
    *feed, down = gated_feed_forward(hidden, width)
    block = pre_norm(
        hidden,
        (*attend, Norm(name="self_attn.attn_sub_norm", width=hidden), out),
        (*feed, Norm(name="mlp.ffn_sub_norm", width=width), down),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
