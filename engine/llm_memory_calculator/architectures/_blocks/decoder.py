"""The decoder around a stack: table, final norm and head; and the whole of a decoder of plain layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypedDict, Unpack

from ...architecture import Architecture, Layer
from ...config import DEEPEST_STACK, Config
from ...errors import ConfigError, shown
from ...operators import Embedding, Linear, Norm, Output
from ...report import Note
from .attention import Heads, attention
from .feed_forward import gated_feed_forward
from .products import Operators, plain
from .stack import depth_of, grouped, pre_norm


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


class Around(TypedDict, total=False):
    """What a decoder may state of its table, its norm and its head: arguments of `decoder`."""

    tied_default: bool
    norm_bias: bool
    head_bias: bool
    positions: int | None
    after_table: Operators
    before_head: Operators | None
    table_width: int | None
    paths: tuple[str, str, str, str]
    length: Sequence[str]
    gguf_rules: str


def plain_decoder(
    config: Config,
    heads: Heads,
    *,
    bias: bool | None = None,
    attend: Callable[..., Operators] = attention,
    feed: Callable[..., Operators] = gated_feed_forward,
    layer: Callable[..., Operators] = pre_norm,
    windows: Sequence[int | None] | None = None,
    experts: Operators = (),
    sparse: Sequence[bool] | None = None,
    hidden: int | None = None,
    width: int | None = None,
    depth: int | None = None,
    path: str = "model.layers.{index}",
    **around: Unpack[Around],
) -> Architecture:
    """A decoder whose layers are an attention and a feed-forward each: a family states how it is no Llama.

    attend makes the attention of (hidden size, heads, window=, bias=), feed the feed-forward of (hidden size, width),
    layer a layer of (hidden size, attention, feed-forward). bias is that of the attention; None: as the config's
    attention_bias says. Layers differ by their `windows`, and have `experts` in place of the feed-forward where they
    are `sparse`: all, unless it is said. Sizes are those of the usual fields unless they are given.
    """
    hidden = config.integer("hidden_size") if hidden is None else hidden
    depth = depth_of(config) if depth is None else depth
    biased = config.boolean("attention_bias", default=False) if bias is None else bias
    windows = [None] * depth if windows is None else windows
    sparse = [bool(experts)] * depth if sparse is None else sparse
    dense: Operators = ()
    if not all(sparse):
        dense = feed(hidden, config.integer("intermediate_size") if width is None else width)

    def block(kind: tuple[int | None, bool]) -> Operators:
        window, has_experts = kind
        return layer(hidden, attend(hidden, heads, window=window, bias=biased), experts if has_experts else dense)

    stack = grouped(list(zip(windows, sparse, strict=True)), block, path)
    return decoder(config, stack, hidden=hidden, **around)


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
        raise ConfigError(
            f"The config's torch_dtype is {shown(dtype)}, and its dtype is {shown(config.text('dtype'))}."
        )
    return dtype


def without_predictors(
    architecture: Architecture,
    config: Config,
    name: str = "num_nextn_predict_layers",
    default: int = 0,
    *,
    copies: bool | None = None,
) -> Architecture:
    """Say of the layers for multi-token prediction that they stand in the checkpoint and are not counted.

    copies: whether each of them has a table and a head of its own; None: how large they are is not known.
    """
    predictors = config.integer(name, default=default, least=0, most=DEEPEST_STACK)
    if not predictors:
        return architecture
    unloaded = None if copies is None else (_predictor(architecture, predictors, copies=copies),)
    size = "" if unloaded is None else f" ({unloaded[0].values:,} values)"
    apart = Note(
        subject=name,
        text=f"{predictors} layer(s) for multi-token prediction{size} stand in the checkpoint and are not counted: "
        "engines load them only for speculative decoding.",
        # what is asked of speculation says otherwise
        origin="source",
    )
    return replace(architecture, apart=(apart,), unloaded=unloaded)


def _predictor(architecture: Architecture, count: int, *, copies: bool) -> Layer:
    """A layer like the last one, for the hidden state and the next token's embedding side by side (DeepSeek-V3)."""
    hidden, vocabulary, depth = architecture.hidden_size, architecture.vocab_size, architecture.depth
    last = max(architecture.stack, key=lambda layer: max(layer.indices or (0,)))
    own: Operators = (
        *(Norm(name=name, width=hidden) for name in ("enorm", "hnorm", "shared_head.norm")),
        plain("eh_proj", hidden, 2 * hidden),
    )
    if copies:
        table = Embedding(name="embed_tokens", entries=vocabulary, width=hidden)
        own = (*own, table, vocabulary_head("shared_head.head", vocabulary, hidden, tied=False))
    return Layer(
        path="model.layers.{index}",
        operators=(*(operator.self_contained() for operator in last.operators), *own),
        indices=tuple(range(depth, depth + count)),
    )
