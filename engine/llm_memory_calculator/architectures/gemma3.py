"""Gemma 3 with images: the text model of gemma3_text, a SigLIP tower and a projector beside it."""

from ..architecture import Architecture, Layer
from ..config import Config
from ._towers import multimodal, projector, siglip, whole_images
from .gemma3_text import build as build_text

# Gemma3TextConfig's own values: the published text_config leaves them out.
_TEXT = {
    "model_type": "gemma3_text",
    "vocab_size": 262_208,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "max_position_embeddings": 131_072,
}


def build(config: Config) -> Architecture:
    found = siglip(config.section("vision_config", default={}))
    pooled = config.integer("mm_tokens_per_image", default=256)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        width, outputs = found.width, text.hidden_size
        to_text = projector("mm_input_projection", width, outputs, "mm_soft_emb_norm", "multi_modal_projector")
        return (*found.layers, to_text)

    return multimodal(config, build_text, towers, images=whole_images(found, pooled), defaults=_TEXT)
