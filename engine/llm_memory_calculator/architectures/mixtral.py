"""Mixtral: Mistral's attention, a mixture of experts in every layer."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
        names=("w1", "w3", "w2"),
    )
    depth = depth_of(config)
    windows = layer_windows(config, depth, window_of(config, default=None), slides=lambda _: True)
    stack = grouped(
        windows,
        lambda window: pre_norm(hidden, attention(hidden, heads, window=window), experts),
        "model.layers.{index}",
    )
    return decoder(config, stack)
