"""LFM3: LFM2's short convolutions, attention with a gate on each head, full or in windows, and norms around blocks."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    FULL,
    SLIDING,
    Operators,
    attention,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    pre_norm,
    read_heads,
    sandwich_norm,
    window_of,
)
from .lfm2 import CONVOLUTION, NAMES, short_convolution


def build(config: Config) -> Architecture:
    config = config.filled(conv_L_cache=7, tie_word_embeddings=True)
    hidden, heads, depth = (
        config.integer("hidden_size"),
        read_heads(config, kv_default=4, dim_default=128),
        depth_of(config),
    )
    bias, window = config.boolean("attention_bias", default=False), window_of(config, default=256)
    gated = config.boolean("use_attention_gate", default=True)
    normed = config.boolean("use_sandwich_norm", default=True)
    feed = gated_feed_forward(hidden, config.integer("intermediate_size"), path="feed_forward", names=NAMES)

    def block(kind: str) -> Operators:
        mixer = short_convolution(config)
        if kind != CONVOLUTION:
            own = window if kind == SLIDING else None
            mixer = attention(hidden, heads, window=own, qkv_bias=bias, out_bias=bias, head_norms=True)
            if gated:
                mixer = gated_attention(mixer, hidden, heads, "self_attn.g_proj", per_head=True)
        before, after = ("operator_norm", "ffn_norm"), ("post_operator_norm", "post_ffn_norm")
        if normed:
            return sandwich_norm(hidden, mixer, feed, names=(before[0], after[0], before[1], after[1]))
        return pre_norm(hidden, mixer, feed, names=before)

    kinds = _usual_kinds(depth)
    if config.has("layer_types"):
        kinds = config.names("layer_types", (CONVOLUTION, SLIDING, FULL), depth)
    return decoder(
        config,
        grouped(kinds, block, "model.layers.{index}"),
        paths=("model.embed_tokens", "model.embedding_norm", "lm_head", ""),
    )


def _usual_kinds(depth: int) -> tuple[str, ...]:
    """Of four layers two are convolutions, one is full and one, but for the first, has a window."""
    period = (SLIDING, CONVOLUTION, FULL, CONVOLUTION)
    return (CONVOLUTION, *(period[index % 4] for index in range(1, depth)))
