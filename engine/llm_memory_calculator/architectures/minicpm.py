"""MiniCPM 1B to 8B and its MoE: a Llama with scaled depth, its head tied unless the config says otherwise."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, mixture
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads, width = config.integer("hidden_size"), read_heads(config), config.integer("intermediate_size")
    bias, count = config.boolean("attention_bias", default=False), config.integer("num_experts", default=0, least=0)
    feed = gated_feed_forward(hidden, width)
    if count:
        active = config.integer("num_experts_per_tok", default=2)
        feed = mixture(hidden, count=count, active=active, width=width, names=("w1", "w3", "w2"))
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias), feed)
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)
