"""Phi-3 and Phi-3.5 vision: CLIP over crops of an image, four patches a token, two matrices, and Phi-3."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._images import CroppedImages
from ._llava import CLIP_336
from ._towers import UNMOVED, clip, multimodal, tower, two_matrices
from .phi3 import build as build_text

_PATH = "model.vision_embed_tokens"


def build(config: Config) -> Architecture:
    found = clip(Config(CLIP_336, notes=config.notes), f"{_PATH}.img_processor.vision_model")
    inputs = 4 * found.width
    # the positions of a crop without the class token, and the tokens along its side
    images = CroppedImages(
        crop=found.pixels, side=found.side // 2, positions=found.positions, max_crops=4, enlarges=True
    )
    return multimodal(
        config,
        build_text,
        lambda text: (
            *found.layers,
            tower(
                _PATH,
                (
                    Learned(name="glb_GN", size=inputs),
                    Learned(name="sub_GN", size=inputs),
                    *two_matrices(
                        inputs, text.hidden_size, text.hidden_size, names=("img_projection.0", "img_projection.2")
                    ),
                ),
                reduction=4,
            ),
        ),
        images=images,
        flat=True,
        moved=UNMOVED,
    )
