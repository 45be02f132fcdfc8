"""Flint: a sink for each head, windows in most layers, dense layers first, then routed experts and a shared one."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, beside_shared, depth_of, plain_decoder, read_heads, sparse_layers, windows_of


def build(config: Config) -> Architecture:
    depth = depth_of(config)
    full = {0, 1, depth - 1}
    experts = beside_shared(
        config,
        shared_width=config.integer("shared_expert_intermediate_size", default=1024),
        names=("experts", "shared_expert", "gate"),
        correction=None,
    )
    return plain_decoder(
        config,
        read_heads(config, kv_default=4, dim_default=128),
        attend=partial(attention, head_norms=True, sinks=True),
        windows=windows_of(config, 513, slides=lambda index: index not in full and index % 4 != 1),
        experts=experts,
        sparse=sparse_layers(config.filled(mlp_only_layers=[0, 1])),
    )
