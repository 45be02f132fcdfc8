"""Gemma 3 with images: the text model of gemma3_text, a SigLIP tower and a projector beside it."""

from ..architecture import Architecture, Layer
from ..config import Config
from ._towers import multimodal, projector, siglip, siglip_images
from .gemma3_text import build as build_text

# Gemma3TextConfig's own values: the published text_config leaves them out.
_TEXT = {"model_type": "gemma3_text", "vocab_size": 262_208, "max_position_embeddings": 131_072}


def build(config: Config) -> Architecture:
    vision = config.section("vision_config")

    def towers(text: Architecture) -> tuple[Layer, ...]:
        width = vision.integer("hidden_size", default=768)
        to_text = projector("mm_input_projection", width, text.hidden_size, "mm_soft_emb_norm", "multi_modal_projector")
        return (*siglip(vision), to_text)

    tokens = config.integer("mm_tokens_per_image", default=256)
    return multimodal(config, build_text, towers, images=siglip_images(vision, tokens), defaults=_TEXT)
