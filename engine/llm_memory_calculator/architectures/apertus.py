"""Apertus 8B and 70B: norms over each head of q and k, and a feed-forward without a gate whose xIELU is learned."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size")
    up, act, down = feed_forward(hidden, width, bias=False, names=("up_proj", "down_proj"))
    slopes: Operators = ()
    if config.text("hidden_act", default="xielu") == "xielu":
        slopes = (Learned(name="mlp.act_fn.alpha_p", size=1), Learned(name="mlp.act_fn.alpha_n", size=1))
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, head_norms=True),
        (up, *slopes, act, down),
        names=("attention_layernorm", "feedforward_layernorm"),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
