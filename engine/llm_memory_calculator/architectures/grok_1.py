"""Grok-1: eight wide experts, norms around each block, a tied head unless the config says otherwise."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._products import Operators
from ._stack import depth_of, grouped, sandwich_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    experts = mixture(
        hidden,
        count=config.integer("num_experts", "num_local_experts", default=8),
        active=config.integer("num_experts_per_tok", default=2),
        width=config.integer("intermediate_size"),
        router="moe_block.gate",
        module="moe_block.experts",
        names=("linear", "linear_v", "linear_1"),
    )
    block = grok_norms(hidden, attention(hidden, heads, path="attn"), experts)
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)


def grok_norms(hidden: int, attend: Operators, feed_forward: Operators) -> Operators:
    """Norms around both blocks, by Grok's names."""
    names = ("pre_attn_norm", "post_attn_norm", "pre_moe_norm", "post_moe_norm")
    return sandwich_norm(hidden, attend, feed_forward, names=names)
