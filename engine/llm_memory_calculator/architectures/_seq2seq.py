"""Blocks of encoder-decoders: BART's (Marian, Pegasus, NLLB, Whisper) and T5's, and the model around both stacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..operators import Buffer, Convolution, Embedding, Norm
from ..report import Note
from ._blocks import (
    Heads,
    Operators,
    attention,
    dtype_of,
    equal_heads,
    feed_forward,
    gated_feed_forward,
    grouped,
    vocabulary_head,
)
from ._encoders import (
    class_of,
    classifier,
    cross_attention,
    encoder_attention,
    encoder_model,
    label_count,
    pooled,
    two_sided,
)

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
_ONE_SIDED = ("ForCausalLM", "ForAudioClassification")


def encoder_decoder(
    config: Config,
    *,
    hidden: int,
    vocabulary: int,
    first: Operators,
    encoder: tuple[Layer, ...],
    stack: tuple[Layer, ...],
    last: Operators,
    longest: int | None,
    source_length: int | None = None,
) -> Architecture:
    """A decoder that attends what an encoder makes of the source."""
    return Architecture(
        model_type=config.model_type,
        task="encoder-decoder",
        hidden_size=hidden,
        vocab_size=vocabulary,
        first=Layer(path="", operators=first),
        encoder=encoder,
        stack=stack,
        last=Layer(path="", operators=last),
        source_length=source_length,
        max_length=longest,
        dtype=dtype_of(config),
        notes=tuple(config.notes),
    )


def is_base(config: Config) -> bool:
    """Whether the config names the class without a head; a config that names none is of the one that generates."""
    name = class_of(config)
    if name.endswith(_ONE_SIDED):
        raise ConfigError(
            f"The config's architectures names {name}, one side of the model alone, which is not described; name a "
            "class with both sides, or leave architectures out."
        )
    return name.endswith("Model") and not name.endswith(("LMHeadModel", "MTModel"))


# --- BART ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """The sizes of an encoder or of a decoder."""

    depth: int
    width: int
    heads: Heads


def read_half(config: Config, side: str, hidden: int, default: tuple[int, int, int]) -> Half:
    """The sizes of one side by BART's names; the usual ones are the encoder's. default: depth, width and heads."""
    depth, width, heads = default
    usual = ("num_hidden_layers", "intermediate_size", "num_attention_heads") if side == "encoder" else ()
    return Half(
        depth=config.integer(f"{side}_layers", *usual[:1], default=depth, most=DEEPEST_STACK),
        width=config.integer(f"{side}_ffn_dim", *usual[1:2], default=width),
        heads=equal_heads(hidden, config.integer(f"{side}_attention_heads", *usual[2:], default=heads)),
    )


def normed(hidden: int, blocks: tuple[tuple[str, Operators], ...], *, before: bool) -> Operators:
    """Blocks of a layer, each with a norm before it or after its sum with the input."""
    found: Operators = ()
    for name, block in blocks:
        norm = Norm(name=name, width=hidden, bias=True)
        found += (norm, *block) if before else (*block, norm)
    return found


def encoder_layers(hidden: int, half: Half, path: str, *, before: bool, key_bias: bool = True) -> tuple[Layer, ...]:
    """BART's encoder layers."""
    attend = encoder_attention(hidden, half.heads, path="self_attn", names=PROJECTIONS, bias=True, key_bias=key_bias)
    block = normed(
        hidden,
        (
            ("self_attn_layer_norm", attend),
            ("final_layer_norm", feed_forward(hidden, half.width, bias=True, path="", names=("fc1", "fc2"))),
        ),
        before=before,
    )
    return grouped([None] * half.depth, lambda _: block, f"{path}.layers.{{index}}")


def decoder_layers(
    hidden: int, half: Half, path: str, *, before: bool, bias: bool = True, key_bias: bool = True
) -> tuple[Layer, ...]:
    """BART's decoder layers: self-attention over a cache, attention to the encoder's positions, a feed-forward."""
    attend = attention(
        hidden, half.heads, qkv_bias=bias, key_bias=key_bias, out_bias=bias, path="self_attn", names=PROJECTIONS
    )
    cross = cross_attention(
        hidden, half.heads, path="encoder_attn", names=PROJECTIONS, bias=bias, key_bias=bias and key_bias
    )
    block = normed(
        hidden,
        (
            ("self_attn_layer_norm", attend),
            ("encoder_attn_layer_norm", cross),
            ("final_layer_norm", feed_forward(hidden, half.width, bias=bias, path="", names=("fc1", "fc2"))),
        ),
        before=before,
    )
    return grouped([None] * half.depth, lambda _: block, f"{path}.layers.{{index}}")


def bart_model(
    config: Config,
    *,
    before: bool,
    hidden: int = 1024,
    sides: tuple[tuple[int, int, int], tuple[int, int, int]] = ((12, 4096, 16), (12, 4096, 16)),
    vocabulary: int = 50_265,
    lengths: tuple[str, str] = ("max_position_embeddings", "max_position_embeddings"),
    longest: tuple[int, int] = (1024, 1024),
    position_offset: int | None = 0,
    table_norm: bool = False,
    logits_bias: bool = True,
    label_default: int = 2,
    base: str = "model",
    encode: Callable[[int, Half, str], tuple[Layer, ...]] | None = None,
) -> Architecture:
    """An encoder-decoder of BART's kind.

    before: norms stand before each block, and one at the end of each side. position_offset: entries of the tables of
    positions beyond the longest length; None where they are computed and stored nowhere. sides, lengths and longest are
    of encoder and decoder: default sizes, the field that has the number of positions, and its default. `encode` gives
    layers of an encoder in place of BART's, from hidden size, sizes and path.
    """
    hidden = config.integer("d_model", "hidden_size", default=hidden)
    encoder, decoder = (
        read_half(config, side, hidden, default) for side, default in zip(("encoder", "decoder"), sides, strict=True)
    )
    words = config.integer("vocab_size", default=vocabulary)
    target = config.integer("decoder_vocab_size", default=words) if config.has("decoder_vocab_size") else words
    shared = not config.has("share_encoder_decoder_embeddings") or config.boolean("share_encoder_decoder_embeddings")
    tied = config.boolean("tie_word_embeddings", default=True)
    if shared and target != words:
        raise ConfigError(
            f"The config's decoder_vocab_size {target} is not its vocab_size {words}, though "
            "share_encoder_decoder_embeddings says that both sides use one table."
        )
    headless = is_base(config)
    prefix = "" if headless else f"{base}."

    def table(side: str, entries: int) -> Operators:
        """A side's own table, where the sides do not share one."""
        return () if shared and tied else (Embedding(name=f"{side}embed_tokens", entries=entries, width=hidden),)

    def opening(side: str, number: int) -> Operators:
        positions = config.integer(lengths[number], default=longest[number])
        tables: Operators = ()
        if position_offset is not None:
            tables = (
                Embedding(
                    name=f"{side}embed_positions", entries=positions + position_offset, width=hidden, part="positions"
                ),
            )
        norm = (Norm(name=f"{side}layernorm_embedding", width=hidden, bias=True),) if table_norm else ()
        return (*tables, *norm)

    def closing(side: str) -> Operators:
        return (Norm(name=f"{side}layer_norm", width=hidden, bias=True),) if before else ()

    inside = f"{prefix}encoder"
    return encoder_decoder(
        config,
        hidden=hidden,
        vocabulary=target,
        first=(
            *((Embedding(name=f"{prefix}shared", entries=words, width=hidden),) if shared else ()),
            *table(f"{prefix}decoder.", target),
            *opening(f"{prefix}decoder.", 1),
        ),
        encoder=(
            Layer(path=inside, operators=(*table("", words), *opening("", 0))),
            *(encode or partial(encoder_layers, before=before))(hidden, encoder, inside),
            Layer(path=inside, operators=closing("")),
        ),
        stack=decoder_layers(hidden, decoder, f"{prefix}decoder", before=before),
        last=(
            *closing(f"{prefix}decoder."),
            *(() if headless else bart_head(config, hidden, target, tied, logits_bias, label_default)),
        ),
        longest=config.integer(lengths[1], default=longest[1]),
    )


def bart_head(
    config: Config, hidden: int, vocabulary: int, tied: bool, logits_bias: bool, label_default: int
) -> Operators:
    """What stands after BART's decoder, by the class that the config names."""
    kind = class_of(config).partition("For")[2]
    if kind in ("SequenceClassification", "QuestionAnswering"):
        return _reading_head(config, kind, hidden, label_default)
    bias = (Buffer(name="final_logits_bias", size=vocabulary),) if logits_bias else ()
    return (vocabulary_head("lm_head", vocabulary, hidden, tied=tied), *bias)


def _reading_head(config: Config, kind: str, hidden: int, label_default: int = 2) -> Operators:
    """Heads of tasks over what both sides have read."""
    if kind == "QuestionAnswering":
        return (classifier("qa_outputs", label_count(config), hidden, per="token"),)
    place, labels = "classification_head", label_count(config, label_default)
    return (pooled(f"{place}.dense", hidden), classifier(f"{place}.out_proj", labels, hidden))


# --- T5 ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class T5:
    """The sizes of a T5."""

    hidden: int
    width: int
    heads: Heads
    depth: int
    vocabulary: int
    gated: bool
    buckets: int
    tables_everywhere: bool

    def feed_forward(self, place: str) -> Operators:
        path = f"{place}.DenseReluDense"
        if self.gated:
            return gated_feed_forward(self.hidden, self.width, path=path, names=("wi_0", "wi_1", "wo"))
        return feed_forward(self.hidden, self.width, bias=False, path=path, names=("wi", "wo"))

    def norm(self, name: str) -> Norm:
        return Norm(name=name, width=self.hidden)

    def self_attention(self, *, causal: bool, first: bool) -> Operators:
        """With the table of relative positions in the first layer (UMT5: in each)."""
        path = "layer.0.SelfAttention"
        table: Operators = ()
        if first or self.tables_everywhere:
            name = f"{path}.relative_attention_bias"
            table = (Embedding(name=name, entries=self.buckets, width=self.heads.query, part="positions"),)
        core = None if causal else two_sided(self.heads, path)
        attend = attention(self.hidden, self.heads, path=path, names=("q", "k", "v", "o"), core=core)
        return (self.norm("layer.0.layer_norm"), *table, *attend)

    def encoder(self) -> tuple[Layer, ...]:
        def block(first: bool) -> Operators:
            return (
                *self.self_attention(causal=False, first=first),
                self.norm("layer.1.layer_norm"),
                *self.feed_forward("layer.1"),
            )

        return grouped([index == 0 for index in range(self.depth)], block, "encoder.block.{index}")

    def decoder(self, depth: int) -> tuple[Layer, ...]:
        cross = cross_attention(self.hidden, self.heads, path="layer.1.EncDecAttention", names=("q", "k", "v", "o"))

        def block(first: bool) -> Operators:
            return (
                *self.self_attention(causal=True, first=first),
                self.norm("layer.1.layer_norm"),
                *cross,
                self.norm("layer.2.layer_norm"),
                *self.feed_forward("layer.2"),
            )

        return grouped([index == 0 for index in range(depth)], block, "decoder.block.{index}")


def read_t5(
    config: Config,
    *,
    sizes: tuple[int, int, int, int, int] = (512, 1024, 8, 6, 250_112),
    projection: str = "gated-gelu",
    tables_everywhere: bool = False,
) -> T5:
    """The sizes of a T5; `sizes` are the family's hidden size, width, depth, heads and vocabulary."""
    hidden, width, depth, query, vocabulary = sizes
    act = config.text("feed_forward_proj", default=projection)
    gate, _, rest = act.partition("-")
    if rest and (gate != "gated" or "-" in rest):
        raise ConfigError(
            f"The config's feed_forward_proj must be an activation or 'gated-' and one ('relu', 'gated-gelu'), and is "
            f"{shown(act)}."
        )
    heads = config.integer("num_heads", "num_attention_heads", default=query)
    return T5(
        hidden=config.integer("d_model", "hidden_size", default=hidden),
        width=config.integer("d_ff", default=width),
        heads=Heads(query=heads, kv=heads, dim=config.integer("d_kv", "head_dim", default=64)),
        depth=config.integer("num_layers", "num_hidden_layers", default=depth, most=DEEPEST_STACK),
        vocabulary=config.integer("vocab_size", default=vocabulary),
        gated=bool(rest),
        buckets=config.integer("relative_attention_num_buckets", default=32),
        tables_everywhere=tables_everywhere,
    )


def t5_model(config: Config, shape: T5) -> Architecture:
    """A T5, or its encoder alone where the config names that class."""
    hidden, vocabulary = shape.hidden, shape.vocabulary
    table: Operators = (Embedding(name="shared", entries=vocabulary, width=hidden),)
    name = class_of(config)
    kind = name.partition("For")[2]
    if name.endswith("EncoderModel") or kind == "TokenClassification":
        own = (classifier("classifier", label_count(config), hidden, per="token"),) if kind else ()
        return encoder_model(
            config,
            first=table,
            stack=shape.encoder(),
            last=(shape.norm("encoder.final_layer_norm"), *own),
            hidden=hidden,
            vocabulary=vocabulary,
        )
    headless = is_base(config)
    if headless:
        head: Operators = ()
    elif kind in ("SequenceClassification", "QuestionAnswering"):
        head = _reading_head(config, kind, hidden)
    else:
        head = (vocabulary_head("lm_head", vocabulary, hidden, tied=True),)
    model = encoder_decoder(
        config,
        hidden=hidden,
        vocabulary=vocabulary,
        first=table,
        encoder=(*shape.encoder(), Layer(path="", operators=(shape.norm("encoder.final_layer_norm"),))),
        stack=shape.decoder(config.integer("num_decoder_layers", default=shape.depth, most=DEEPEST_STACK)),
        last=(shape.norm("decoder.final_layer_norm"), *head),
        longest=None,
    )
    if headless or not config.has("tie_word_embeddings") or config.boolean("tie_word_embeddings"):
        return model
    text = (
        "tie_word_embeddings is false: checkpoints of this kind may carry a head of their own, "
        f"{vocabulary * hidden:,} parameters more. transformers 5 builds this family with a tied head, and that is "
        "what is counted."
    )
    apart = Note(subject="tie_word_embeddings", text=text, origin="warning")
    untied = Layer(path="", operators=(vocabulary_head("lm_head", vocabulary, hidden, tied=False),))
    return replace(model, apart=(apart,), unloaded=(untied,))


# --- Whisper -------------------------------------------------------------------------------------------------------


def sound_encoder(hidden: int, half: Half, path: str, *, mels: int, positions: int) -> tuple[Layer, ...]:
    """Whisper's encoder: two convolutions over the spectrum (the second halves it), a table of positions, layers."""
    return (
        Layer(
            path=path,
            operators=(
                Convolution(name="conv1", inputs=mels, outputs=hidden, kernel=3),
                Convolution(name="conv2", inputs=hidden, outputs=hidden, kernel=3),
                Embedding(name="embed_positions", entries=positions, width=hidden, part="positions"),
            ),
        ),
        *encoder_layers(hidden, half, path, before=True, key_bias=False),
        Layer(path=path, operators=(Norm(name="layer_norm", width=hidden, bias=True),)),
    )
