"""Arcee Trinity: gated attention, windows in three of four layers, norms around blocks, experts beside shared ones."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, gated_attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, leading_dense, periodic_windows, sandwich_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, dim_default=128), depth_of(config)
    bias = config.boolean("attention_bias", default=False)
    experts = beside_shared(
        config,
        shared=2,
        names=("experts", "shared_experts", "router.gate"),
        correction="expert_bias",
        correction_counted=True,
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    windows = periodic_windows(
        config, depth, window_of(config, default=1024), default=4, name="global_attn_every_n_layers"
    )

    def block(kind: tuple[int | None, bool]) -> Operators:
        window, sparse = kind
        attend = attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True)
        return sandwich_norm(
            hidden,
            gated_attention(attend, hidden, heads, "self_attn.gate_proj"),
            experts if sparse else dense,
            names=("input_layernorm", "post_attention_layernorm", "pre_mlp_layernorm", "post_mlp_layernorm"),
        )

    kinds = list(zip(windows, leading_dense(config, depth, default=1, name="num_dense_layers"), strict=True))
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))
