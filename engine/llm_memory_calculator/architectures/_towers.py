"""Encoders of images and sounds that stand beside a decoder, and the decoder with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..images import Images, Sounds, Videos
from ..operators import Activation, Convolution, Embedding, Learned, Linear, Norm, Operator
from . import build as build_any
from ._blocks import Operators, dtype_of, equal_heads, feed_forward, plain, pre_norm, within
from ._encoders import encoder_attention
from ._images import FixedImages

# Where a checkpoint with a tower keeps the decoder: what its paths begin with, and with what in that checkpoint.
BESIDE, INSIDE, UNMOVED = ("", "language_model."), ("model.", "model.language_model."), ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTower:
    """An encoder of square images of one size: its layers, and the sizes that a projector and a rule need."""

    layers: tuple[Layer, ...]
    width: int
    patch: int
    pixels: int
    """Along a side of the image; what is left over after whole patches is not seen."""
    patches: int
    class_tokens: int = 0

    @property
    def positions(self) -> int:
        return self.patches + self.class_tokens

    @property
    def side(self) -> int:
        """Patches along a side."""
        return math.isqrt(self.patches)


def tower(
    path: str,
    operators: Operators,
    indices: int | Sequence[int] | None = None,
    reduction: int = 1,
    *,
    of_sound: bool = False,
) -> Layer:
    """A layer of a tower, or as many equal ones or those of `indices`: its matrices are what quantisers leave alone."""

    def of_tower(operator: Operator) -> Operator:
        if isinstance(operator, Linear) and operator.role == "linear":
            return replace(operator, role="tower")
        return operator

    if isinstance(indices, int):
        indices = range(indices)
    return Layer(
        path=path,
        operators=tuple(of_tower(operator) for operator in operators),
        indices=None if indices is None else tuple(indices),
        reduction=reduction,
        of_sound=of_sound,
    )


def clip_block(hidden: int, heads: int, width: int, *, window: int | None = None) -> Operators:
    """A layer of CLIP and SigLIP: biases throughout. Nothing beyond `window`, the positions of one image, is seen."""
    return pre_norm(
        hidden,
        encoder_attention(
            hidden,
            equal_heads(hidden, heads),
            path="self_attn",
            names=("q_proj", "k_proj", "v_proj", "out_proj"),
            bias=True,
            window=window,
        ),
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=True,
        names=("layer_norm1", "layer_norm2"),
    )


def clip(config: Config, path: str = "vision_tower.vision_model") -> ImageTower:
    """CLIP's encoder of images: a class token before the patches, a norm before the layers and one after them."""
    return _patch_encoder(config, path, default_patch=32, class_tokens=1)


def siglip(
    config: Config, path: str = "vision_tower.vision_model", *, head: bool | None = None, patches: int | None = None
) -> ImageTower:
    """SigLIP's encoder of images. `head`: whether it is pooled (None: as the config says); `patches`: its positions."""
    pooled = config.boolean("vision_use_head", default=True) if head is None else head
    found = _patch_encoder(config, path, default_patch=16, class_tokens=0, patches=patches)
    return replace(found, layers=(*found.layers, _pooling_head(config, found, path))) if pooled else found


def _patch_encoder(
    config: Config, path: str, *, default_patch: int, class_tokens: int, patches: int | None = None
) -> ImageTower:
    hidden, width = (
        config.integer("hidden_size", "embed_dim", default=768),
        config.integer("intermediate_size", default=3072),
    )
    heads = config.integer("num_attention_heads", default=12)
    patch, channels = config.integer("patch_size", default=default_patch), config.integer("num_channels", default=3)
    count = patches
    if count is None:
        pixels = config.integer("image_size", default=224, least=patch)
        count = (pixels // patch) ** 2
    else:
        pixels = math.isqrt(count) * patch
    depth = config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    positions = count + class_tokens
    first: Operators = (
        Convolution(
            name="patch_embedding", inputs=channels, outputs=hidden, kernel=patch * patch, bias=not class_tokens
        ),
        Embedding(name="position_embedding", entries=positions, width=hidden, part="positions"),
    )
    before: tuple[Layer, ...] = ()
    if class_tokens:
        first = (Learned(name="class_embedding", size=hidden), *first)
        before = (tower(path, (Norm(name="pre_layrnorm", width=hidden, bias=True),)),)
    return ImageTower(
        layers=(
            tower(within(path, "embeddings")[0], first),
            *before,
            tower(within(path, "encoder.layers.{index}")[0], clip_block(hidden, heads, width, window=positions), depth),
            tower(path, (Norm(name="post_layernorm", width=hidden, bias=True),)),
        ),
        width=hidden,
        patch=patch,
        pixels=pixels,
        patches=count,
        class_tokens=class_tokens,
    )


def _pooling_head(config: Config, found: ImageTower, path: str) -> Layer:
    """One learned query that attends all patches of an image, and a feed-forward."""
    hidden, heads = found.width, config.integer("num_attention_heads", default=12)
    attend = encoder_attention(
        hidden,
        equal_heads(hidden, heads),
        path="attention",
        names=("in_proj", "in_proj", "in_proj", "out_proj"),
        bias=True,
    )
    width = config.integer("intermediate_size", default=3072)
    return tower(
        within(path, "head")[0],
        (
            Learned(name="probe", size=hidden),
            *attend,
            Norm(name="layernorm", width=hidden, bias=True),
            *feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        ),
        reduction=found.patches,
    )


def whole_images(found: ImageTower, tokens: int | None = None) -> Images:
    """Every image in the tower's own size; `tokens` where a projector pools its patches or the class token stays."""
    return FixedImages(positions=found.positions, tokens=found.patches if tokens is None else tokens)


def projector(name: str, inputs: int, outputs: int, norm: str, path: str) -> Layer:
    """One matrix from the tower's values to the decoder's, and the norm before it."""
    return tower(path, (plain(name, outputs, inputs), Norm(name=norm, width=inputs)))


def two_matrices(
    inputs: int,
    inner: int,
    outputs: int,
    *,
    names: tuple[str, str] = ("linear_1", "linear_2"),
    bias: bool = True,
    gated: bool = False,
) -> Operators:
    """A projector's act(x W) W', or with halves of x W that gate each other; every rank keeps it whole."""
    return (
        plain(names[0], inner, inputs, bias),
        Activation(name="act", width=inner // 2 if gated else inner, gated=gated),
        plain(names[1], outputs, inner // 2 if gated else inner, bias),
    )


# What a text_config leaves out is its own class's default in transformers: hidden_size, intermediate_size,
# num_hidden_layers, num_attention_heads, num_key_value_heads, vocab_size, max_position_embeddings.
_SHAPE = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "max_position_embeddings",
)
_DECODERS = {
    "llama": (4096, 11008, 32, 32, None, 32_000, 2048),
    "mistral": (4096, 14336, 32, 32, 8, 32_000, 131_072),
    "mixtral": (4096, 14336, 32, 32, 8, 32_000, 131_072),
    "qwen2": (4096, 22016, 32, 32, None, 151_936, 32_768),
    "qwen3": (4096, 22016, 32, 32, 32, 151_936, 32_768),
    "gemma": (3072, 24576, 28, 16, 16, 256_000, 8192),
    "gemma2": (2304, 9216, 26, 8, 4, 256_000, 8192),
    "phi3": (3072, 8192, 32, 32, None, 32_064, 4096),
    "opt": (768, 3072, 12, 12, None, 50_272, 2048),
    "cohere": (8192, 22528, 40, 64, None, 256_000, 8192),
    "cohere2": (8192, 22528, 40, 64, None, 256_000, 8192),
}


def shape_defaults(model_type: str) -> dict[str, int]:
    """The sizes of a decoder whose config leaves them out."""
    values = _DECODERS.get(model_type, (None,) * len(_SHAPE))
    names = ("hidden_size", "ffn_dim", *_SHAPE[2:]) if model_type == "opt" else _SHAPE
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def text_section(
    config: Config, section: str, defaults: Mapping[str, Any], *, flat: bool = False, ties_inside: bool = False
) -> Config:
    """The config of the decoder: what stands in its section, the defaults, and from outside what may stand there too.

    Whether the head is tied is said outside; older configs say it inside alone, and with ties_inside that counts too.
    """
    own = config if flat and not config.has(section) else config.section(section, default={})
    model_type = own.text("model_type") if own.has("model_type") else str(defaults.get("model_type"))
    own = own.completed({**shape_defaults(model_type), **defaults})
    formats = () if own.has("torch_dtype", "dtype") else ("torch_dtype", "dtype")
    outside = {name: config.values.get(name) for name in formats}
    if config.has("tie_word_embeddings"):
        tied = config.boolean("tie_word_embeddings")
        if tied or not ties_inside:
            outside["tie_word_embeddings"] = tied
        if own.has("tie_word_embeddings") and own.boolean("tie_word_embeddings") != tied:
            where = "outside" if tied or not ties_inside else f"in {section}"
            config.note(
                "tie_word_embeddings", f"It differs outside and in {section}; what stands {where} was taken.", "warning"
            )
    return own.stating(**outside)


def multimodal(
    config: Config,
    build_text: Callable[[Config], Architecture] | str,
    towers: Callable[[Architecture], tuple[Layer, ...]] | tuple[Layer, ...],
    *,
    images: Images | None = None,
    videos: Videos | None = None,
    sounds: Sounds | None = None,
    section: str = "text_config",
    flat: bool = False,
    defaults: Mapping[str, Any] | None = None,
    moved: tuple[str, str] = BESIDE,
    ties_inside: bool = False,
) -> Architecture:
    """The decoder of `section`, described by its own family, with towers beside it.

    build_text is that family, or the name of the one that it is where the section names none. flat: its fields
    may stand outside, without a section. defaults are its own in transformers, for what published configs leave out
    (with a name, those of a config without the section). towers may hang on the decoder's sizes. Paths of the decoder
    that begin with moved[0] begin with moved[1] in the checkpoint. ties_inside: its head is tied where the section says
    so, whatever the config says.
    """
    absent = defaults or {}
    if not config.has(section) and config.has("hidden_size") and config.has("num_hidden_layers"):
        # as in LLaVA's own repositories, before transformers had sections
        flat = True
    if isinstance(build_text, str):
        missing = {"model_type": build_text} if config.has(section) else {"model_type": build_text, **absent}
        if flat and not config.has(section):
            own = text_section(config.stating(model_type=build_text), section, {}, flat=True, ties_inside=ties_inside)
        else:
            own = text_section(config, section, missing, ties_inside=ties_inside)
        text = build_any(own)
    else:
        own = text_section(config, section, absent, flat=flat, ties_inside=ties_inside)
        text = build_text(own)
    if text.towers or text.task == "encoder":
        raise ConfigError(f"The config's {section} is of a {text.model_type}, which is no decoder of text.")
    return replace(
        text,
        model_type=config.model_type,
        first=moved_layer(text.first, *moved),
        stack=tuple(moved_layer(layer, *moved) for layer in text.stack),
        last=moved_layer(text.last, *moved),
        encoder=tuple(moved_layer(layer, *moved) for layer in text.encoder),
        towers=towers if isinstance(towers, tuple) else towers(text),
        images=images,
        videos=videos,
        sounds=sounds,
        dtype=dtype_of(config) or text.dtype,
        notes=tuple(config.notes),
    )


def moved_layer(layer: Layer, old: str, new: str) -> Layer:
    """The layer at the place where the checkpoint of the whole model keeps it."""

    def path(name: str) -> str:
        return f"{new}{name.removeprefix(old)}" if name.startswith(old) else name

    if layer.path:
        return replace(layer, path=path(layer.path))
    operators: list[Operator] = []
    for operator in layer.operators:
        if isinstance(operator, Linear):
            outputs = tuple(replace(output, name=path(output.name)) for output in operator.outputs)
            operators.append(replace(operator, name=path(operator.name), outputs=outputs))
        else:
            operators.append(replace(operator, name=path(operator.name)))  # type: ignore[type-var]
    return replace(layer, operators=tuple(operators))
