"""Beam 1.0 501B: gated attention with a bias a head, windows in five of six layers, norms around each block."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._attention import attention, gated_attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, layer_windows, leading_dense, sandwich_norm, window_of


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads, bias = read_heads(config, kv_default=8, dim_default=128), config.boolean("attention_bias", default=False)
    experts = beside_shared(config, shared=0)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    gate_bias = Learned(name="self_attn.gate_bias", size=heads.query)
    windows = layer_windows(
        config,
        depth,
        window_of(config, default=512),
        slides=lambda index: (index + 1) % 6 != 0 and index < depth - 1,
    )

    def block(kind: tuple[int | None, bool]) -> Operators:
        window, sparse = kind
        attend = attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True)
        gated = gated_attention(attend, hidden, heads, "self_attn.gate_proj")
        return sandwich_norm(hidden, (gate_bias, *gated), experts if sparse else dense)

    kinds = list(zip(windows, leading_dense(config, depth, default=3), strict=True))
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))
