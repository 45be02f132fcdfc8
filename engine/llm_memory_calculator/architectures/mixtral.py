"""Mixtral: Mistral's attention, a mixture of experts in every layer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import mixture, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=8),
        bias=False,
        windows=windows_of(config, None),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_local_experts", "num_experts"),
            active=config.integer("num_experts_per_tok"),
            width=config.integer("intermediate_size"),
            router="block_sparse_moe.gate",
            module="block_sparse_moe.experts",
            names=("w1", "w3", "w2"),
        ),
    )
