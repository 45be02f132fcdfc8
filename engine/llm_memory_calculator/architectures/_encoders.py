"""Blocks of encoders and encoder-decoders: attention to both sides, cross-attention, the model around them."""

from __future__ import annotations

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import BidirectionalAttention, CrossAttention, Linear, Output
from ._blocks import Heads, Operators, attention, dtype_of


def two_sided(heads: Heads, path: str, window: int | None = None) -> BidirectionalAttention:
    """The core of attention in which every position sees every other, or `window` around it."""
    return BidirectionalAttention(name=path, heads=heads.query, head_dim=heads.dim, window=window)


def encoder_attention(
    hidden: int,
    heads: Heads,
    *,
    path: str,
    names: tuple[str, str, str, str],
    bias: bool = False,
    out_bias: bool | None = None,
    window: int | None = None,
) -> Operators:
    """Self-attention of an encoder."""
    return attention(
        hidden,
        heads,
        path=path,
        names=names,
        qkv_bias=bias,
        out_bias=bias if out_bias is None else out_bias,
        core=two_sided(heads, path, window),
    )


def cross_attention(
    hidden: int,
    heads: Heads,
    *,
    path: str,
    names: tuple[str, str, str, str],
    source_width: int | None = None,
    length: int | None = None,
    bias: bool = False,
    key_bias: bool | None = None,
    norms: Operators = (),
) -> Operators:
    """Queries of the decoder; keys and values of the encoder's positions, `source_width` wide, once a sequence."""
    query, key, value, out = (f"{path}.{name}" for name in names)
    source = hidden if source_width is None else source_width

    def of_source(name: str, has_bias: bool) -> Linear:
        return Linear(
            name=name,
            outputs=(Output(name=name, units=heads.kv, width=heads.dim),),
            input_units=source,
            bias=has_bias,
            split="columns",
            per="source",
        )

    return (
        Linear(
            name=query,
            outputs=(Output(name=query, units=heads.query, width=heads.dim),),
            input_units=hidden,
            bias=bias,
            split="columns",
        ),
        of_source(key, bias if key_bias is None else key_bias),
        of_source(value, bias),
        *norms,
        CrossAttention(name=path, heads=heads.query, kv_heads=heads.kv, head_dim=heads.dim, length=length),
        Linear(
            name=out,
            outputs=(Output(name=out, units=hidden),),
            input_units=heads.query,
            input_width=heads.dim,
            bias=bias,
            split="rows",
        ),
    )


def encoder_model(
    config: Config,
    *,
    first: Operators,
    stack: tuple[Layer, ...],
    last: Operators = (),
    hidden: int,
    vocabulary: int,
    longest: int | None = None,
    paths: tuple[str, str] = ("", ""),
) -> Architecture:
    """A model that reads whole sequences and generates none: tables, stack, pooler or head. It has no KV cache."""
    return Architecture(
        model_type=config.model_type,
        task="encoder",
        hidden_size=hidden,
        vocab_size=vocabulary,
        first=Layer(path=paths[0], operators=first),
        stack=stack,
        last=Layer(path=paths[1], operators=last),
        max_length=longest,
        dtype=dtype_of(config),
        notes=tuple(config.notes),
    )
