"""Kolibri 1: windows in four of five layers, norms around each block, routed experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared
from ._stack import depth_of, grouped, layer_windows, sandwich_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = (
        config.integer("hidden_size"),
        read_heads(config, kv_default=4, dim_default=128),
        depth_of(config),
    )
    experts = beside_shared(
        config,
        shared_width=config.integer("shared_expert_intermediate_size", default=512),
        path="",
        names=("mlp.experts", "mlp.shared_experts", "mlp.gate"),
        correction="moe.router.expert_bias",
    )
    window = window_of(config, default=513)
    stack = grouped(
        layer_windows(config, depth, window, slides=lambda index: (index + 1) % 5 != 0),
        lambda window: sandwich_norm(
            hidden,
            attention(hidden, heads, window=window, head_norms=True),
            experts,
            names=("input_layernorm", "post_attn_norm", "post_attention_layernorm", "post_ffn_norm"),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
