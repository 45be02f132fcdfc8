"""Command A Vision: Aya Vision without a norm before the projector, and with grids that enlarge an image least."""

from ..architecture import Architecture, Layer
from ..config import Config
from ._llava import gated_projector, marked_tiles
from ._towers import multimodal, siglip

_VISION = {
    "hidden_size": 1152,
    "intermediate_size": 3072,
    "num_hidden_layers": 27,
    "num_attention_heads": 12,
    "image_size": 512,
}


def build(config: Config) -> Architecture:
    found = siglip(config.section("vision_config", default=_VISION))
    inner = config.integer("alignment_intermediate_size", default=36_864)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        return (*found.layers, gated_projector(config, found, inner, text.hidden_size, normed=False))

    return multimodal(config, "cohere2", towers, images=marked_tiles(config, found, fills=True))
