"""Snowflake Arctic 480B: 128 experts in parallel with attention, and a small dense feed-forward after it."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, mixture
from ._products import Operators
from ._stack import depth_of, grouped, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    width, names = config.integer("intermediate_size"), ("w1", "w3", "w2")
    beside = config.boolean("parallel_attn_mlp_res", "use_residual", default=False)
    every = config.integer("moe_layer_frequency", default=2)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts", default=8),
        active=config.integer("num_experts_per_tok", default=1),
        width=width,
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
        names=names,
    )
    residual: Operators = ()
    if beside:
        feed = gated_feed_forward(hidden, hidden, path="residual_mlp", names=names, reduces=False)
        residual = (Norm(name="residual_layernorm", width=hidden), *feed)
    dense = gated_feed_forward(hidden, width, path="block_sparse_moe.mlp", names=names)
    window = window_of(config, default=None)
    stack = grouped(
        [(index + 1) % every == 0 for index in range(depth)],
        lambda sparse: pre_norm(
            hidden, attention(hidden, heads, window=window), (*residual, *experts) if sparse else dense
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
