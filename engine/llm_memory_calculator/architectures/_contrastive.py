"""Models of an encoder of texts and one of images that share a space: CLIP and SigLIP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Learned, Norm
from ._blocks import Operators, grouped, plain
from ._encoders import encoder_model
from ._towers import ImageTower, clip_block, siglip, tower, whole_images


class TextSizes(NamedTuple):
    """The sizes of an encoder of texts that a config leaves out."""

    vocabulary: int
    hidden: int
    width: int
    heads: int
    longest: int


CLIP_TEXT = TextSizes(vocabulary=49_408, hidden=512, width=2048, heads=8, longest=77)
SIGLIP_TEXT = TextSizes(vocabulary=32_000, hidden=768, width=3072, heads=12, longest=64)


def contrastive(
    config: Config,
    found: ImageTower,
    head: Callable[[Config, int], Operators],
    *,
    sizes: TextSizes,
    image_head: Operators = (),
) -> Architecture:
    """The text encoder with what stands after its layers (of its section and hidden size), the images' beside it."""
    model = text_encoder(config, config.section("text_config", default={}), head, sizes)
    towers = (*found.layers, tower("", image_head)) if image_head else found.layers
    return replace(model, towers=towers, images=whole_images(found))


def text_encoder(
    config: Config, text: Config, head: Callable[[Config, int], Operators], sizes: TextSizes
) -> Architecture:
    """An encoder of texts by the fields of `text`; sizes are the family's defaults."""
    hidden = text.integer("hidden_size", default=sizes.hidden)
    vocabulary = text.integer("vocab_size", default=sizes.vocabulary)
    longest = text.integer("max_position_embeddings", default=sizes.longest)
    block = clip_block(
        hidden,
        text.integer("num_attention_heads", default=sizes.heads),
        text.integer("intermediate_size", default=sizes.width),
    )
    depth = text.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    return encoder_model(
        config,
        first=(
            Embedding(name="text_model.embeddings.token_embedding", entries=vocabulary, width=hidden),
            Embedding(name="text_model.embeddings.position_embedding", entries=longest, width=hidden, part="positions"),
        ),
        stack=grouped([None] * depth, lambda _: block, "text_model.encoder.layers.{index}"),
        last=(Norm(name="text_model.final_layer_norm", width=hidden, bias=True), *head(text, hidden)),
        hidden=hidden,
        vocabulary=vocabulary,
        longest=longest,
    )


def siglip_pair(config: Config, *, patches: int | None = None) -> Architecture:
    """SigLIP and SigLIP 2, whose images are pooled by an attention of their own; a scale and a bias learned."""

    def head(text: Config, hidden: int) -> Operators:
        outputs = text.integer("projection_size", default=hidden)
        return (
            plain("text_model.head", outputs, hidden, bias=True),
            Learned(name="logit_scale", size=1),
            Learned(name="logit_bias", size=1),
        )

    found = siglip(config.section("vision_config", default={}), "vision_model", patches=patches)
    return contrastive(config, found, head, sizes=SIGLIP_TEXT)
