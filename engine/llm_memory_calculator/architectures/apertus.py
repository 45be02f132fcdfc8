"""Apertus 8B and 70B: norms over each head of q and k, and a feed-forward without a gate whose xIELU is learned."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._blocks import Operators, attention, feed_forward, plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    learned = config.text("hidden_act", default="xielu")

    def feed(hidden: int, width: int) -> Operators:
        up, act, down = feed_forward(hidden, width, bias=False, names=("up_proj", "down_proj"))
        slopes = ("alpha_p", "alpha_n") if learned == "xielu" else ()
        return (up, *(Learned(name=f"mlp.act_fn.{name}", size=1) for name in slopes), act, down)

    return plain_decoder(
        config,
        read_heads(config),
        attend=partial(attention, head_norms=True),
        feed=feed,
        layer=partial(pre_norm, names=("attention_layernorm", "feedforward_layernorm")),
    )
