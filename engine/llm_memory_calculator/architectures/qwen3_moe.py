"""Qwen3-30B-A3B, 235B-A22B, Coder-480B-A35B: Qwen3's attention, routed experts without a shared one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, qwen_windows, read_heads, sparse_layers


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=4),
        attend=partial(attention, head_norms=True),
        windows=qwen_windows(config, slides=lambda _index, _limit: True),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_experts", "num_local_experts"),
            active=config.integer("num_experts_per_tok"),
            width=config.integer("moe_intermediate_size"),
        ),
        sparse=sparse_layers(config),
    )
