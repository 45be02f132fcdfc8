"""Bark: three GPTs, each reading what the one before it wrote (meaning, coarse sound, fine sound), and EnCodec."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Norm
from ._blocks import Operators, attention, dtype_of, equal_heads, feed_forward, pre_norm, vocabulary_head
from ._codec import encodec
from ._encoders import two_sided
from ._towers import tower


def build(config: Config) -> Architecture:
    semantic, coarse, fine = (
        config.section(f"{name}_config", default={}) for name in ("semantic", "coarse_acoustics", "fine_acoustics")
    )
    config.note(
        "semantic_config",
        "The three models run one after the other, so one cache is held at a time; it and the time of a token are "
        "counted of the first.",
    )
    first, stack, last = _gpt(semantic, "semantic")
    return Architecture(
        model_type=config.model_type,
        hidden_size=semantic.integer("hidden_size", default=768),
        vocab_size=semantic.integer("output_vocab_size", default=10_048),
        first=first,
        stack=(stack,),
        last=last,
        towers=(
            *(
                tower(layer.path, layer.operators, layer.indices)
                for layer in (*_gpt(coarse, "coarse_acoustics"), *_gpt(fine, "fine_acoustics", causal=False))
            ),
            *encodec(config.section("codec_config", default={}), "codec_model"),
        ),
        max_length=semantic.integer("block_size", default=1024),
        dtype=dtype_of(config),
        notes=tuple(config.notes),
    )


def _gpt(config: Config, name: str, *, causal: bool = True) -> tuple[Layer, Layer, Layer]:
    """One of the three: tables, layers, head. The last of them has a table and a tied head for each codebook."""
    hidden = config.integer("hidden_size", default=768)
    heads = equal_heads(hidden, config.integer("num_heads", "num_attention_heads", default=12))
    bias = config.boolean("bias", default=True)
    read = config.integer("input_vocab_size", "vocab_size", default=10_048)
    written = config.integer("output_vocab_size", default=10_048)
    tied = not causal and config.boolean("tie_word_embeddings", default=True)
    books = 1 if causal else config.integer("n_codes_total", default=8)
    tables, outputs = "input_embeds_layer", "lm_head"
    if not causal:
        given = config.integer("n_codes_given", default=1, most=books)
        table_names = [f"{name}.{tables}s.{index}" for index in range(books)]
        head_names = [f"{name}.{outputs}s.{index}" for index in range(books - given)]
    else:
        table_names, head_names = [f"{name}.{tables}"], [f"{name}.{outputs}"]
    first: Operators = (
        *(Embedding(name=table, entries=read, width=hidden) for table in table_names),
        Embedding(
            name=f"{name}.position_embeds_layer",
            entries=config.integer("block_size", default=1024),
            width=hidden,
            part="positions",
        ),
    )
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=bias,
            out_bias=bias,
            path="attn",
            names=("att_proj", "att_proj", "att_proj", "out_proj"),
            core=None if causal else two_sided(heads, "attn"),
        ),
        feed_forward(hidden, 4 * hidden, bias=bias, names=("in_proj", "out_proj")),
        bias=bias or not causal,
        names=("layernorm_1", "layernorm_2"),
    )
    depth = config.integer("num_layers", "num_hidden_layers", default=12, most=DEEPEST_STACK)
    last: Operators = (
        Norm(name=f"{name}.layernorm_final", width=hidden, bias=bias or not causal),
        *(vocabulary_head(head, written, hidden, tied=tied) for head in head_names),
    )
    return (
        Layer(path="", operators=first),
        Layer(path=f"{name}.layers.{{index}}", operators=block, indices=tuple(range(depth))),
        Layer(path="", operators=last),
    )
