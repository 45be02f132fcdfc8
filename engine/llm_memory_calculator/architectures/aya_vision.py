"""Aya Vision: SigLIP over up to 12 tiles and the whole image, four patches a token, and a Cohere 2."""

from ..architecture import Architecture, Layer
from ..config import Config
from ._llava import SIGLIP_384, gated_projector, marked_tiles
from ._towers import multimodal, siglip


def build(config: Config) -> Architecture:
    found = siglip(config.section("vision_config", default={**SIGLIP_384, "num_attention_heads": 14}))

    def towers(text: Architecture) -> tuple[Layer, ...]:
        inner = config.integer("alignment_intermediate_size", default=text.hidden_size)
        return (*found.layers, gated_projector(config, found, inner, text.hidden_size, normed=True))

    return multimodal(config, "cohere2", towers, images=marked_tiles(config, found))
