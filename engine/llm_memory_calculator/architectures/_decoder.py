"""The decoder around a stack: table, final norm and head; and the whole of a decoder of plain layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError
from ..operators import Embedding, Linear, Norm, Output
from ..report import Note
from ._products import Operators


def decoder(
    config: Config,
    stack: tuple[Layer, ...],
    *,
    tied_default: bool = False,
    norm_bias: bool = False,
    head_bias: bool = False,
    hidden: int | None = None,
    positions: int | None = None,
    after_table: Operators = (),
    before_head: Operators | None = None,
    table_width: int | None = None,
    paths: tuple[str, str, str, str] = ("model.embed_tokens", "model.norm", "lm_head", "model.embed_positions"),
    length: Sequence[str] = ("max_position_embeddings",),
    gguf_rules: str = "",
) -> Architecture:
    """A decoder around its stack: the vocabulary's table, learned positions if any, final norm, head (tied or not).

    after_table and before_head are operators there (before_head in place of the final norm); table_width is that of the
    vocabulary's table and of the head, where it is not the hidden size.
    """
    hidden = config.integer("hidden_size") if hidden is None else hidden
    vocabulary = config.integer("vocab_size")
    tied = config.boolean("tie_word_embeddings", default=tied_default)
    table, norm, head, position_table = paths
    width = hidden if table_width is None else table_width
    first: Operators = (Embedding(name=table, entries=vocabulary, width=width),)
    if positions is not None:
        first += (Embedding(name=position_table, entries=positions, width=hidden, part="positions"),)
    final_norm: Operators = (Norm(name=norm, width=hidden, bias=norm_bias),)
    last: Operators = (
        *(final_norm if before_head is None else before_head),
        vocabulary_head(head, vocabulary, width, tied=tied, bias=head_bias),
    )
    longest = config.optional_integer(*length)
    return Architecture(
        model_type=config.model_type,
        hidden_size=hidden,
        vocab_size=vocabulary,
        first=Layer(path="", operators=(*first, *after_table)),
        stack=stack,
        last=Layer(path="", operators=last),
        max_length=longest,
        dtype=dtype_of(config),
        gguf_rules=gguf_rules,
        notes=tuple(config.notes),
    )


def vocabulary_head(
    name: str,
    vocabulary: int,
    inputs: int,
    *,
    tied: bool,
    bias: bool = False,
    per: Literal["token", "sequence"] = "sequence",
) -> Linear:
    """The logits over the vocabulary: of the next token, or of every one; a tied head stores its bias alone."""
    return Linear(
        name=name,
        outputs=(Output(name=name, units=vocabulary),),
        input_units=inputs,
        bias=bias,
        split="columns",
        role="head",
        stored=not tied,
        per=per,
    )


def dtype_of(config: Config) -> str | None:
    """The number format that a config states for its weights."""
    dtype = config.text("torch_dtype", "dtype") if config.has("torch_dtype", "dtype") else None
    if config.has("torch_dtype") and config.has("dtype") and config.text("dtype") != dtype:
        raise ConfigError(f"The config's torch_dtype is {dtype!r}, and its dtype is {config.text('dtype')!r}.")
    return dtype


def without_predictors(
    architecture: Architecture, config: Config, name: str = "num_nextn_predict_layers", default: int = 0
) -> Architecture:
    """Say of the layers for multi-token prediction that they stand in the checkpoint and are not counted."""
    predictors = config.integer(name, default=default, least=0)
    apart = Note(
        subject=name,
        text=f"{predictors} layer(s) for multi-token prediction stand in the checkpoint and are not counted: "
        "engines load them only for speculative decoding.",
        origin="warning",
    )
    return replace(architecture, apart=(apart,) if predictors else ())
