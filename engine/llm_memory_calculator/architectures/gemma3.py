"""Gemma 3 with images: the text model of gemma3_text, a SigLIP tower and a projector beside it."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ._towers import projector, siglip
from .gemma3_text import build as build_text

# Gemma3TextConfig's own values: the published text_config leaves them out.
_TEXT = {"model_type": "gemma3_text", "vocab_size": 262_208, "max_position_embeddings": 131_072}


def build(config: Config) -> Architecture:
    section, vision = config.section("text_config"), config.section("vision_config")
    stated = {name: value for name, value in section.values.items() if value is not None}
    outer = {name: config.values[name] for name in ("torch_dtype", "dtype") if config.has(name)}
    text = build_text(Config({**_TEXT, **outer, **stated}, where="text_config.", notes=config.notes))

    def inside(layer: Layer) -> Layer:
        return replace(layer, path=f"language_model.{layer.path}".removesuffix("."))

    return replace(
        text,
        model_type="gemma3",
        first=inside(text.first),
        stack=tuple(inside(layer) for layer in text.stack),
        last=inside(text.last),
        towers=(
            *siglip(vision),
            projector(
                "mm_input_projection",
                vision.integer("hidden_size", default=768),
                text.hidden_size,
                "mm_soft_emb_norm",
                "multi_modal_projector",
            ),
        ),
    )
