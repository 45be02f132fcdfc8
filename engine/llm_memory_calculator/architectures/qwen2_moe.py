"""Qwen1.5-MoE and Qwen2-57B-A14B: routed experts beside one gated shared expert."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, qwen_windows, read_heads, shared_expert_mixture, sparse_layers


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=16),
        bias=False,
        attend=partial(attention, qkv_bias=config.boolean("qkv_bias", default=True)),
        windows=qwen_windows(config, slides=lambda index, limit: index % 2 == 0 and index < limit),
        experts=shared_expert_mixture(config, count=60, active=4, width=1408, shared_width=5632),
        sparse=sparse_layers(config),
    )
