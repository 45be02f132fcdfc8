"""LLaVA 1.5, and Pixtral-12B as transformers keeps it: a CLIP, SigLIP or Pixtral tower, a projector, any decoder."""

from ..architecture import Architecture
from ..config import Config
from ..images import Images
from ._images import RowImages
from ._llava import CLIP_336, image_tower, llava_projector, square_images
from ._towers import multimodal
from ._vision import pixtral_tower


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default=CLIP_336)
    images: Images
    if vision.has("model_type") and vision.text("model_type") == "pixtral":
        grid, layers = pixtral_tower(vision)
        images = RowImages(patch=grid.patch, merge=1, longest=vision.integer("image_size", default=1024))
        width = grid.hidden
    else:
        found = image_tower(config, CLIP_336)
        images, width, layers = square_images(config, found), found.width, found.layers
    return multimodal(
        config,
        "llama",
        lambda text: (*layers, llava_projector(config, width, text.hidden_size)),
        images=images,
        ties_inside=True,
    )
