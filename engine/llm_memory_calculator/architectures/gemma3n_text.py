"""Gemma 3n, text: streams that predict each other (AltUp), Laurel, per-layer embeddings, shared keys and values."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Learned, Norm
from ..report import Note
from ._blocks import (
    FULL,
    SLIDING,
    Operators,
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    kv_sharing,
    per_layer,
    plain,
    read_heads,
    sandwich_norm,
    window_of,
)
from ._gemma import layer_input, layer_tables

_DEFAULTS = {
    "hidden_size": 2048,
    "intermediate_size": 16_384,
    "num_hidden_layers": 35,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "vocab_size": 262_400,
    "max_position_embeddings": 32_768,
    "num_kv_shared_layers": 15,
}


def build(config: Config) -> Architecture:
    config = config.completed(_DEFAULTS)
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    kinds = _kinds(config, depth)
    window, bias = window_of(config, default=512), config.boolean("attention_bias", default=False)
    streams = config.integer("altup_num_inputs", default=4, most=DEEPEST_STACK)
    inputs = config.integer("hidden_size_per_layer_input", default=256)
    extras = (
        *_altup(hidden, streams),
        *_laurel(hidden, config.integer("laurel_rank", default=64)),
        *layer_input(hidden, inputs),
    )

    def block(kind: tuple[str, bool, int]) -> Operators:
        name, borrows, width = kind
        attend = attention(
            hidden,
            heads,
            window=window if name == SLIDING else None,
            qkv_bias=bias,
            out_bias=bias,
            head_norms=True,
            shared=borrows,
        )
        return (*sandwich_norm(hidden, attend, gated_feed_forward(hidden, width)), *extras)

    widths = per_layer(config, "intermediate_size", depth, least=1)
    shared = kv_sharing(config, kinds)
    stack = grouped(list(zip(kinds, shared, widths, strict=True)), block, "model.layers.{index}")
    built = decoder(
        config,
        stack,
        tied_default=True,
        after_table=(
            *layer_tables(config, hidden, depth, inputs),
            *_to_streams("altup_projections", hidden, streams),
        ),
        before_head=(
            *_to_streams("altup_unembed_projections", hidden, streams),
            Norm(name="model.norm", width=hidden),
        ),
    )
    unused = sum(shared) * (2 * hidden * heads.kv * heads.dim + heads.dim)
    apart = Note(
        subject="num_kv_shared_layers",
        text=f"{sum(shared)} layers use the keys and values of an earlier one; the {unused:,} parameters of their own "
        "projections of these stand in the checkpoint, are never used and are not counted.",
        origin="warning",
    )
    if not unused:
        return built
    own = Layer(path="", operators=(Learned(name="unused", size=unused),))
    return replace(built, apart=(*built.apart, apart), unloaded=(own,))


def _kinds(config: Config, depth: int) -> tuple[str, ...]:
    if config.has("layer_types"):
        return config.names("layer_types", (SLIDING, FULL), depth)
    return tuple(SLIDING if (index + 1) % 5 else FULL for index in range(depth))


def _to_streams(name: str, hidden: int, streams: int) -> Operators:
    """A matrix for each stream but the first, which is the embedding itself."""
    return tuple(plain(f"model.{name}.{number}", hidden, hidden) for number in range(streams - 1))


def _altup(hidden: int, streams: int) -> Operators:
    """What predicts the streams before a layer, of which the layer computes one, and corrects them after it."""
    return (
        Norm(name="altup.router_norm", width=hidden),
        plain("altup.modality_router", streams, hidden),
        plain("altup.prediction_coefs", streams**2, streams),
        plain("altup.correction_coefs", streams, streams),
        Learned(name="altup.correct_output_scale", size=hidden),
    )


def _laurel(hidden: int, rank: int) -> Operators:
    """A low-rank product beside the attention."""
    return (
        plain("laurel.linear_left", rank, hidden),
        plain("laurel.linear_right", hidden, rank),
        Norm(name="laurel.post_laurel_norm", width=hidden),
    )
