"""CLIP: an encoder of texts and one of images, each with a projection into the space that they share."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._blocks import Operators, plain
from ._contrastive import CLIP_TEXT, contrastive
from ._towers import clip


def build(config: Config) -> Architecture:
    found = clip(config.section("vision_config", default={}), "vision_model")
    shared = config.integer("projection_dim", default=512)

    def head(_: Config, hidden: int) -> Operators:
        return (plain("text_projection", shared, hidden), Learned(name="logit_scale", size=1))

    return contrastive(
        config,
        found,
        head,
        sizes=CLIP_TEXT,
        image_head=(plain("visual_projection", shared, found.width),),
    )
