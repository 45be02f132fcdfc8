"""Mistral-Small 3.1 and 3.2, Ministral 3: a Mistral with Pixtral's tower, four patches a token."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Norm
from ._blocks import plain
from ._images import RowImages
from ._llava import llava_projector
from ._towers import multimodal, tower
from ._vision import pixtral_tower

# The text of a mistral3 without a text_config.
_TEXT = {
    "hidden_size": 5120,
    "intermediate_size": 32_768,
    "head_dim": 128,
    "num_hidden_layers": 40,
    "vocab_size": 131_072,
}


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={"image_size": 1540, "patch_size": 14})
    merge = config.integer("spatial_merge_size", default=2)
    grid, layers = pixtral_tower(vision)
    merger = (
        Norm(name="norm", width=grid.hidden),
        plain("patch_merger.merging_layer", grid.hidden, grid.hidden * merge**2),
    )

    def towers(text: Architecture) -> tuple[Layer, ...]:
        return (
            *layers,
            tower("multi_modal_projector", merger, reduction=merge**2),
            llava_projector(config, grid.hidden, text.hidden_size, bias=False, reduction=merge**2),
        )

    images = RowImages(patch=grid.patch, merge=merge, longest=vision.integer("image_size", default=1024))
    return multimodal(config, "mistral", towers, images=images, defaults=_TEXT)
