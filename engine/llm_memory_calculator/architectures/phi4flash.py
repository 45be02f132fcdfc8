"""Phi-4-mini-flash (SambaY): Mamba and windowed attention, then layers that use one full layer's keys and values."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Learned, Output
from ._blocks import (
    Operators,
    attention,
    columns,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    pre_norm,
    read_heads,
    rows,
    window_of,
)
from ._recurrent import auto_rank, mamba

_FUSED = ("Wqkv", "Wqkv", "Wqkv", "out_proj")


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    every, width = config.integer("mb_per_layer", default=2), config.integer("intermediate_size")
    window = window_of(config, default=2047)
    half = depth // 2

    def mixer(index: int) -> Operators:
        if index % every == 0:
            return _gated_memory(config, hidden) if index >= half + 2 else _state(config, hidden)
        attend = attention(
            hidden,
            heads,
            window=window if index < half else None,
            qkv_bias=True,
            out_bias=True,
            path="attn",
            names=_FUSED,
            shared=index >= half + 2,
        )
        return (*attend, *_difference(heads.dim))

    feed = gated_feed_forward(hidden, width, names=("fc1", "fc1", "fc2"))
    stack = grouped(
        [mixer(index) for index in range(depth)],
        lambda own: pre_norm(hidden, own, feed, bias=True),
        "model.layers.{index}",
    )
    return decoder(
        config,
        stack,
        tied_default=True,
        norm_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )


def _difference(dim: int) -> Operators:
    """What weighs one half of the heads against the other (arXiv 2410.05258)."""
    vectors = (Learned(name=f"attn.inner_cross_attn.lambda_{name}", size=dim) for name in ("q1", "k1", "q2", "k2"))
    return (*vectors, Learned(name="attn.inner_cross_attn.subln", size=2 * dim))


def _state(config: Config, hidden: int) -> Operators:
    return mamba(
        hidden,
        inner=config.integer("mamba_expand", default=2) * hidden,
        state=config.integer("mamba_d_state", default=16),
        kernel=config.integer("mamba_d_conv", default=4),
        rank=auto_rank(config, "mamba_dt_rank", hidden),
        bias=config.boolean("mamba_proj_bias", default=False),
        conv_bias=config.boolean("mamba_conv_bias", default=True),
        path="attn",
    )


def _gated_memory(config: Config, hidden: int) -> Operators:
    """A gate on what the last state layer gave, in place of a state of its own."""
    inner, bias = config.integer("mamba_expand", default=2) * hidden, config.boolean("mamba_proj_bias", default=False)
    return (
        columns("attn.in_proj", [Output(name="attn.in_proj", units=inner)], hidden, bias),
        Activation(name="attn.gate", width=inner),
        rows("attn.out_proj", hidden, inner, bias=bias),
    )
