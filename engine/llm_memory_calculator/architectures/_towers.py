"""Encoders of images and sounds that stand beside a decoder, and the decoder with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import FixedImages, Images
from ..operators import Convolution, Embedding, Linear, Norm, Operator
from ._blocks import Operators, dtype_of, equal_heads, feed_forward, plain
from ._encoders import encoder_attention


def tower(path: str, operators: Operators, depth: int | None = None, reduction: int = 1) -> Layer:
    """A layer, or `depth` equal ones, of a tower: its matrices are what quantisers leave alone."""

    def of_tower(operator: Operator) -> Operator:
        if isinstance(operator, Linear) and operator.role == "linear":
            return replace(operator, role="tower")
        return operator

    return Layer(
        path=path,
        operators=tuple(of_tower(operator) for operator in operators),
        indices=None if depth is None else tuple(range(depth)),
        reduction=reduction,
    )


def siglip(config: Config, path: str = "vision_tower.vision_model") -> tuple[Layer, ...]:
    """SigLIP: patches by a convolution, learned positions, encoder layers with biases, a final norm."""
    hidden, width = config.integer("hidden_size", default=768), config.integer("intermediate_size", default=3072)
    heads = equal_heads(hidden, config.integer("num_attention_heads", default=12))
    patch, channels = config.integer("patch_size", default=16), config.integer("num_channels", default=3)
    patches = (config.integer("image_size", default=224, least=patch) // patch) ** 2
    block = (
        Norm(name="layer_norm1", width=hidden, bias=True),
        *encoder_attention(
            hidden, heads, path="self_attn", names=("q_proj", "k_proj", "v_proj", "out_proj"), bias=True
        ),
        Norm(name="layer_norm2", width=hidden, bias=True),
        *feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
    )
    depth = config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    return (
        tower(
            f"{path}.embeddings",
            (
                Convolution(name="patch_embedding", inputs=channels, outputs=hidden, kernel=patch * patch),
                Embedding(name="position_embedding", entries=patches, width=hidden, split="none"),
            ),
        ),
        tower(f"{path}.encoder.layers.{{index}}", block, depth),
        tower(path, (Norm(name="post_layernorm", width=hidden, bias=True),)),
    )


def siglip_images(config: Config, tokens: int | None = None) -> Images:
    """Every image in the tower's own size; `tokens` where a projector pools its patches."""
    patch = config.integer("patch_size", default=16)
    patches = (config.integer("image_size", default=224, least=patch) // patch) ** 2
    return FixedImages(positions=patches, tokens=patches if tokens is None else tokens)


def projector(name: str, inputs: int, outputs: int, norm: str, path: str) -> Layer:
    """One matrix from the tower's values to the decoder's, and the norm before it."""
    return tower(path, (plain(name, outputs, inputs), Norm(name=norm, width=inputs)))


def multimodal(
    config: Config,
    build_text: Callable[[Config], Architecture],
    towers: Callable[[Architecture], tuple[Layer, ...]],
    *,
    images: Images | None = None,
    section: str = "text_config",
    defaults: Mapping[str, Any] | None = None,
    prefix: str = "language_model.",
) -> Architecture:
    """The decoder of `section`, described by its own family, with towers beside it.

    defaults are the section's own in transformers, for what published configs leave out. Its number format and the
    tying of its head may stand outside. `prefix` is where the checkpoint keeps the decoder.
    """
    stated = {name: value for name, value in config.section(section).values.items() if value is not None}
    outer = {name: config.values[name] for name in ("torch_dtype", "dtype", "tie_word_embeddings") if config.has(name)}
    text = build_text(Config({**(defaults or {}), **outer, **stated}, where=f"{section}.", notes=config.notes))

    def inside(layer: Layer) -> Layer:
        return replace(layer, path=f"{prefix}{layer.path}".removesuffix("."))

    return replace(
        text,
        model_type=config.model_type,
        first=inside(text.first),
        stack=tuple(inside(layer) for layer in text.stack),
        last=inside(text.last),
        towers=towers(text),
        images=images,
        dtype=dtype_of(config) or text.dtype,
        notes=tuple(config.notes),
    )
