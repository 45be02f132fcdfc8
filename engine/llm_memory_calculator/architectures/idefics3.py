"""Idefics3, and SmolVLM: SigLIP over tiles of an image, whose patches are grouped, one matrix, and a Llama."""

from ..architecture import Architecture
from ..config import Config
from ..images import SplitImages
from ._products import plain
from ._towers import multimodal, siglip, tower


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={}).completed(
        {"hidden_size": 1152, "num_attention_heads": 16, "patch_size": 32}
    )
    found = siglip(vision, "model.vision_model", head=False)
    group = config.integer("scale_factor", default=2) ** 2
    return multimodal(
        config,
        "llama",
        lambda text: (
            *found.layers,
            tower(
                "model.connector.modality_projection",
                (plain("proj", text.hidden_size, found.width * group),),
                reduction=group,
            ),
        ),
        # the published processors resize the longest side to four tiles
        images=SplitImages(
            tile=found.pixels,
            longest=4 * found.pixels,
            positions=found.patches,
            tokens=found.patches // group,
        ),
        moved=("model.", "model.text_model."),
    )
