"""Granite 3 MoE: 32 or 40 small experts of which a token runs 8."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._products import Operators
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias), experts_of(config))
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))


def experts_of(config: Config, shared: Operators = ()) -> Operators:
    """Granite's routed experts, what is shared standing beside them."""
    return mixture(
        config.integer("hidden_size"),
        count=config.integer("num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.router.layer",
        module="block_sparse_moe.experts",
        shared=shared,
    )
