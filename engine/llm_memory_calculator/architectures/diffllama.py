"""DiffLlama: differential attention (arXiv 2410.05258), four vectors weighing half of the heads against the others."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    weighing = tuple(Learned(name=f"self_attn.lambda_{name}", size=heads.dim) for name in ("q1", "k1", "q2", "k2"))
    block = pre_norm(
        hidden,
        (*attention(hidden, heads, qkv_bias=bias, out_bias=bias), *weighing),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
