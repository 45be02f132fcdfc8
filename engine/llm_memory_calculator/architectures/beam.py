"""Beam 1.0 501B: gated attention with a bias a head, windows in five of six layers, norms around each block."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._blocks import (
    Heads,
    Operators,
    attention,
    beside_shared,
    depth_of,
    gated_attention,
    leading_dense,
    plain_decoder,
    read_heads,
    sandwich_norm,
    windows_of,
)


def build(config: Config) -> Architecture:
    depth = depth_of(config)

    def attend(hidden: int, heads: Heads, *, window: int | None, bias: bool) -> Operators:
        found = attention(hidden, heads, window=window, bias=bias, head_norms=True)
        gate_bias = Learned(name="self_attn.gate_bias", size=heads.query)
        return (gate_bias, *gated_attention(found, hidden, heads, "self_attn.gate_proj"))

    return plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=128),
        attend=attend,
        layer=sandwich_norm,
        windows=windows_of(config, 512, slides=lambda index: (index + 1) % 6 != 0 and index < depth - 1),
        experts=beside_shared(config, shared=0),
        sparse=leading_dense(config, default=3),
    )
