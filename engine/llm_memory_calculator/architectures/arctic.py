"""Snowflake Arctic 480B: 128 experts in parallel with attention, and a small dense feed-forward after it."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import Operators, depth_of, gated_feed_forward, mixture, plain_decoder, read_heads, window_of


def build(config: Config) -> Architecture:
    hidden, depth, window = config.integer("hidden_size"), depth_of(config), window_of(config, default=None)
    width, names = config.integer("intermediate_size"), ("w1", "w3", "w2")
    beside = config.boolean("parallel_attn_mlp_res", "use_residual", default=False)
    every = config.integer("moe_layer_frequency", default=2)
    residual: Operators = ()
    if beside:
        feed = gated_feed_forward(hidden, hidden, path="residual_mlp", names=names, reduces=False)
        residual = (Norm(name="residual_layernorm", width=hidden), *feed)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts", default=8),
        active=config.integer("num_experts_per_tok", default=1),
        width=width,
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
        names=names,
    )
    return plain_decoder(
        config,
        read_heads(config),
        bias=False,
        feed=partial(gated_feed_forward, path="block_sparse_moe.mlp", names=names),
        windows=[window] * depth,
        experts=(*residual, *experts),
        sparse=[(index + 1) % every == 0 for index in range(depth)],
        width=width,
    )
