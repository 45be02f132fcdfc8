"""BLIP-2 and InstructBLIP: a vision transformer, queries that attend its patches (Q-Former), any decoder or a T5."""

from __future__ import annotations

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Convolution, Embedding, Learned, Norm
from ._blocks import Operators, equal_heads, feed_forward, plain, pre_norm
from ._encoders import cross_attention, encoder_attention
from ._images import FixedImages
from ._towers import ImageTower, multimodal, tower

_PARTS = ("attention.query", "attention.key", "attention.value", "output.dense")


def blip(config: Config, *, tables: bool) -> Architecture:
    """The model. tables: the queries attend the prompt's tokens too, which tables of their own embed."""
    found = _eva(config.section("vision_config", default={}))
    own = config.section("qformer_config", default={})
    queries, hidden = config.integer("num_query_tokens", default=32), own.integer("hidden_size", default=768)
    reduction = max(1, found.positions // queries)
    return multimodal(
        config,
        "opt",
        lambda text: (
            *found.layers,
            tower("", (Learned(name="query_tokens", size=queries * hidden),)),
            *_queries(own, hidden, tables, reduction),
            tower("", (plain("language_projection", text.hidden_size, hidden, bias=True),), reduction=reduction),
        ),
        images=FixedImages(positions=found.positions, tokens=queries),
    )


def _eva(config: Config) -> ImageTower:
    """The encoder of images: a class token, learned positions that are no table, one matrix for q, k and v."""
    hidden, width = config.integer("hidden_size", default=1408), config.integer("intermediate_size", default=6144)
    heads = equal_heads(hidden, config.integer("num_attention_heads", default=16))
    patch, path = config.integer("patch_size", default=14), "vision_model"
    pixels = config.integer("image_size", default=224, least=patch)
    count = (pixels // patch) ** 2
    block = pre_norm(
        hidden,
        encoder_attention(
            hidden,
            heads,
            path="self_attn",
            names=("qkv", "qkv", "qkv", "projection"),
            bias=config.boolean("qkv_bias", default=True),
            out_bias=True,
            window=count + 1,
        ),
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=True,
        names=("layer_norm1", "layer_norm2"),
    )
    first = (
        Learned(name="class_embedding", size=hidden),
        Convolution(name="patch_embedding", inputs=3, outputs=hidden, kernel=patch * patch),
        Learned(name="position_embedding", size=(count + 1) * hidden),
    )
    depth = config.integer("num_hidden_layers", default=39, most=DEEPEST_STACK)
    return ImageTower(
        layers=(
            tower(f"{path}.embeddings", first),
            tower(f"{path}.encoder.layers.{{index}}", block, depth),
            tower(path, (Norm(name="post_layernorm", width=hidden, bias=True),)),
        ),
        width=hidden,
        patch=patch,
        pixels=pixels,
        patches=count,
        class_tokens=1,
    )


def _queries(config: Config, hidden: int, tables: bool, reduction: int) -> tuple[Layer, ...]:
    """BERT's layers over the queries, every so many of which attend the patches."""
    reads = tables or config.boolean("use_qformer_text_input", default=False)
    width = config.integer("intermediate_size", default=3072)
    heads = equal_heads(hidden, config.integer("num_attention_heads", default=12))
    depth = config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    every = config.integer("cross_attention_frequency", default=2)
    source = config.integer("encoder_hidden_size", default=1408)

    def forward(suffix: str) -> Operators:
        names = (f"intermediate{suffix}.dense", f"output{suffix}.dense")
        return (
            *feed_forward(hidden, width, bias=True, path="", names=names),
            Norm(name=f"output{suffix}.LayerNorm", width=hidden, bias=True),
        )

    attend = (
        *encoder_attention(hidden, heads, path="attention", names=_PARTS, bias=True),
        Norm(name="attention.output.LayerNorm", width=hidden, bias=True),
    )
    cross = (
        *cross_attention(hidden, heads, path="crossattention", names=_PARTS, source_width=source, bias=True),
        Norm(name="crossattention.output.LayerNorm", width=hidden, bias=True),
    )
    forwards = (*forward(""), *forward("_query")) if reads else forward("_query")
    crossing = range(0, depth, every)
    alone = [index for index in range(depth) if index not in crossing]
    path = "qformer.encoder.layer.{index}"
    first: Operators = ()
    if tables:
        first = (
            Embedding(
                name="word_embeddings",
                entries=config.integer("vocab_size", default=30_522),
                width=hidden,
                part="positions",
            ),
            Embedding(
                name="position_embeddings",
                entries=config.integer("max_position_embeddings", default=512),
                width=hidden,
                part="positions",
            ),
        )
    return (
        tower(
            "qformer.embeddings" if tables else "qformer",
            (*first, Norm(name="layernorm", width=hidden, bias=True)),
            reduction=reduction,
        ),
        tower(path, (*attend, *cross, *forwards), crossing, reduction=reduction),
        tower(path, (*attend, *forwards), alone, reduction=reduction),
    )
