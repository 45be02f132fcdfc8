"""Blocks of encoders and encoder-decoders: attention to both sides, cross-attention, heads, the model around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..operators import (
    Activation,
    BidirectionalAttention,
    CrossAttention,
    Embedding,
    Learned,
    Linear,
    Norm,
    Output,
    Part,
)
from ._blocks import (
    Heads,
    Operators,
    attention,
    dtype_of,
    equal_heads,
    feed_forward,
    grouped,
    per_layer,
    plain,
    post_norm,
    vocabulary_head,
)


def two_sided(
    heads: Heads,
    path: str,
    window: int | None = None,
    relative: int = 0,
    *,
    joint: bool = False,
    linear: bool = False,
) -> BidirectionalAttention:
    """The core of attention in which every position sees every other, or `window` around it."""
    return BidirectionalAttention(
        name=path,
        heads=heads.query,
        head_dim=heads.dim,
        window=window,
        relative=relative,
        joint=joint,
        linear=linear,
    )


def encoder_attention(
    hidden: int,
    heads: Heads,
    *,
    path: str,
    names: tuple[str, str, str, str],
    bias: bool = False,
    key_bias: bool = True,
    out_bias: bool | None = None,
    window: int | None = None,
    relative: int = 0,
    norms: Operators = (),
    joint: bool = False,
    linear: bool = False,
) -> Operators:
    """Self-attention of an encoder."""
    return attention(
        hidden,
        heads,
        path=path,
        names=names,
        qkv_bias=bias,
        key_bias=key_bias,
        out_bias=bias if out_bias is None else out_bias,
        norms=norms,
        core=two_sided(heads, path, window, relative, joint=joint, linear=linear),
    )


def attention_windows(config: Config, depth: int) -> tuple[int, ...]:
    """Longformer's window of each layer: one for all, or a list."""
    if config.has("attention_window"):
        return per_layer(config, "attention_window", depth, least=1)
    return (config.integer("attention_window", default=512),) * depth


def global_attention(
    hidden: int, heads: Heads, *, path: str, names: tuple[str, str, str, str], window: int
) -> Operators:
    """Longformer's attention within a window, and the projections of those positions that see everything."""
    attend = encoder_attention(hidden, heads, path=path, names=names, bias=True, window=window)
    return (*attend, *(plain(f"{path}.{name}_global", hidden, hidden, True, part="mixer") for name in names[:3]))


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
    out_bias: bool | None = None,
    norms: Operators = (),
    cached: bool = True,
) -> Operators:
    """Queries of the decoder; keys and values of the encoder's positions, `source_width` wide, once a sequence."""
    query, key, value, out = (f"{path}.{name}" for name in names)
    source = hidden if source_width is None else source_width

    def of_source(name: str, has_bias: bool, part: Part) -> Linear:
        return Linear(
            name=name,
            outputs=(Output(name=name, units=heads.kv, width=heads.dim, part=part),),
            input_units=source,
            bias=has_bias,
            split="columns",
            per="source",
        )

    return (
        Linear(
            name=query,
            outputs=(Output(name=query, units=heads.query, width=heads.dim, part="q"),),
            input_units=hidden,
            bias=bias,
            split="columns",
        ),
        of_source(key, bias if key_bias is None else key_bias, "k"),
        of_source(value, bias, "v"),
        *norms,
        CrossAttention(
            name=path, heads=heads.query, kv_heads=heads.kv, head_dim=heads.dim, length=length, cached=cached
        ),
        Linear(
            name=out,
            outputs=(Output(name=out, units=hidden, part="out"),),
            input_units=heads.query,
            input_width=heads.dim,
            bias=bias if out_bias is None else out_bias,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a BERT."""

    hidden: int
    width: int
    depth: int
    heads: Heads
    vocabulary: int
    positions: int
    types: int


def read_shape(
    config: Config,
    *,
    hidden: int = 768,
    width: int = 3072,
    depth: int = 12,
    heads: int = 12,
    vocabulary: int = 30_522,
    positions: int = 512,
    types: int = 2,
) -> Shape:
    """The sizes of a BERT by their usual names, with the family's defaults."""
    if config.has("is_decoder") and config.boolean("is_decoder"):
        raise ConfigError(
            f"The config's is_decoder is true: a {config.model_type} that generates tokens is not described, only the "
            "encoder is; set is_decoder to false to count that."
        )
    size = config.integer("hidden_size", default=hidden)
    return Shape(
        hidden=size,
        width=config.integer("intermediate_size", default=width),
        depth=config.integer("num_hidden_layers", default=depth, most=DEEPEST_STACK),
        heads=equal_heads(size, config.integer("num_attention_heads", default=heads)),
        vocabulary=config.integer("vocab_size", default=vocabulary),
        positions=config.integer("max_position_embeddings", default=positions),
        types=config.integer("type_vocab_size", default=types, least=0),
    )


def bert_tables(
    shape: Shape, path: str, *, width: int | None = None, norm_width: int | None = None, positions: bool = True
) -> Operators:
    """Tables of tokens, of learned positions and of segments (where there are any), summed and normed."""
    width = shape.hidden if width is None else width

    def table(name: str, entries: int) -> Operators:
        return (Embedding(name=f"{path}.{name}", entries=entries, width=width, part="positions"),) if entries else ()

    return (
        Embedding(name=f"{path}.word_embeddings", entries=shape.vocabulary, width=width),
        *table("position_embeddings", shape.positions if positions else 0),
        *table("token_type_embeddings", shape.types),
        Norm(name=f"{path}.LayerNorm", width=norm_width or width, bias=True),
    )


def bert_layers(
    shape: Shape,
    path: str,
    *,
    projections: tuple[str, str, str, str] = ("self.query", "self.key", "self.value", "output.dense"),
    norms: tuple[str, str] = ("attention.output.LayerNorm", "output.LayerNorm"),
    module: str = "attention",
    widths: tuple[str, str] = ("intermediate.dense", "output.dense"),
    relative: int = 0,
) -> tuple[Layer, ...]:
    """BERT's layers: attention to both sides and a feed-forward, biases throughout, a norm after each sum."""
    hidden = shape.hidden
    block = post_norm(
        hidden,
        encoder_attention(hidden, shape.heads, path=module, names=projections, bias=True, relative=relative),
        feed_forward(hidden, shape.width, bias=True, path="", names=widths),
        bias=True,
        names=norms,
    )
    return grouped([None] * shape.depth, lambda _: block, path)


# --- heads ---------------------------------------------------------------------------------------------------------


def classes_of(config: Config) -> tuple[str, ...]:
    """The classes that the config's architectures name. Raises ConfigError where that is no list of names."""
    names = config.values.get("architectures") or []
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"The config's architectures must be a list of names of classes, and is {shown(names)}.")
    return tuple(names)


def class_of(config: Config) -> str:
    """The class that the config's architectures names first, or nothing."""
    return next(iter(classes_of(config)), "")


Head = Callable[[str, str], Operators | None]
"""What stands after the layers of a class: by what follows "For" in its name ("" for the base model) and by the path of
the base model inside it; None where that class is not described."""


def with_head(config: Config, prefix: str, head: Head) -> tuple[str, Operators]:
    """(path of the base model, what stands after its layers) of the class that the config names.

    The base model stands at the top of its own checkpoint and at `prefix` inside the other classes.
    """
    name = class_of(config)
    # a language model over an encoder has the head that fills in masked words
    kind = "MaskedLM" if name.endswith("LMHeadModel") else name.partition("For")[2]
    path = f"{prefix}." if kind else ""
    # a class of another family, or of code that comes with the checkpoint, may be built in another way
    own = name.lower().startswith(config.model_type.replace("-", "").replace("_", ""))
    found = head(kind, path) if not name or (own and (kind or name.endswith("Model"))) else None
    if found is not None:
        return path, found
    config.note("architectures", f"{name} is not described; the base model was counted.", "warning")
    return "", head("", "") or ()


def label_count(config: Config, default: int = 2) -> int:
    """Classes that a classifier tells apart: those of id2label, where the config has it."""
    if config.has("id2label"):
        return len(config.section("id2label").values)
    return config.integer("num_labels", default=default)


def classifier(
    name: str, outputs: int, inputs: int, *, per: Literal["token", "sequence"] = "sequence", bias: bool = True
) -> Linear:
    """The last matrix of a task, which every rank keeps whole and quantisers leave alone."""
    return Linear(
        name=name, outputs=(Output(name=name, units=outputs),), input_units=inputs, bias=bias, role="head", per=per
    )


def pooled(name: str, hidden: int) -> Linear:
    """A product over one position a sequence, with as many values out as in."""
    return Linear(name=name, outputs=(Output(name=name, units=hidden),), input_units=hidden, bias=True, per="sequence")


def token_head(config: Config, kind: str, hidden: int) -> Operators | None:
    """The heads over every token, which all families have alike."""
    name = {"TokenClassification": "classifier", "QuestionAnswering": "qa_outputs"}.get(kind)
    return None if name is None else (classifier(name, label_count(config), hidden, per="token"),)


def pooled_head(config: Config, kind: str, hidden: int, pooler: Linear) -> Operators | None:
    """BERT's heads: over one position that the pooler made, or over every token."""
    match kind:
        case "SequenceClassification":
            return (pooler, classifier("classifier", label_count(config), hidden))
        case "MultipleChoice":
            return (pooler, classifier("classifier", 1, hidden))
        case _:
            return token_head(config, kind, hidden)


def sentence_head(config: Config, hidden: int) -> Operators:
    """RoBERTa's classifier of sequences: a matrix of its own in place of the pooler."""
    return (pooled("classifier.dense", hidden), classifier("classifier.out_proj", label_count(config), hidden))


def masked_head(
    config: Config,
    hidden: int,
    vocabulary: int,
    *,
    dense: str,
    norm: str,
    decoder: str,
    own_bias: str = "",
    width: int | None = None,
    bias: bool = True,
    always_tied: bool = False,
) -> Operators:
    """Logits of every token: a matrix and a norm, then the table of tokens (tied or not) and a bias.

    An untied head has a bias of its own beside the one at `own_bias`.
    """
    width = hidden if width is None else width
    tied = always_tied or config.boolean("tie_word_embeddings", default=True)
    return (
        plain(dense, width, hidden, bias),
        Activation(name=f"{dense}.act", width=width, gated=False),
        Norm(name=norm, width=width, bias=True),
        vocabulary_head(decoder, vocabulary, width, tied=tied, bias=bias, per="token"),
        *((Learned(name=own_bias, size=vocabulary),) if own_bias and not tied else ()),
    )


def bert_predictions(config: Config, shape: Shape, *, width: int | None = None, norm: str = "LayerNorm") -> Operators:
    """BERT's logits of every token."""
    path = "cls.predictions"
    return masked_head(
        config,
        shape.hidden,
        shape.vocabulary,
        dense=f"{path}.transform.dense",
        norm=f"{path}.transform.{norm}",
        decoder=f"{path}.decoder",
        own_bias=f"{path}.bias",
        width=width,
    )


def roberta_predictions(config: Config, shape: Shape) -> Operators:
    """RoBERTa's logits of every token."""
    return masked_head(
        config,
        shape.hidden,
        shape.vocabulary,
        dense="lm_head.dense",
        norm="lm_head.layer_norm",
        decoder="lm_head.decoder",
        own_bias="lm_head.bias",
    )


def roberta_head(config: Config, shape: Shape) -> Head:
    """The heads of RoBERTa, XLM-R and MPNet: a pooler only where a whole sequence is compared with others."""
    hidden = shape.hidden

    def head(kind: str, path: str) -> Operators | None:
        pooler = pooled(f"{path}pooler.dense", hidden)
        match kind:
            case "":
                return (pooler,)
            case "MaskedLM" | "CausalLM":
                return roberta_predictions(config, shape)
            case "SequenceClassification":
                return sentence_head(config, hidden)
            case _:
                return pooled_head(config, kind, hidden, pooler)

    return head
