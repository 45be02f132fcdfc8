"""SigLIP 2 NaFlex: SigLIP over a fixed number of patches in the image's own shape."""

from ..architecture import Architecture
from ..config import Config
from ._contrastive import siglip_pair


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    return siglip_pair(config, patches=vision.integer("num_patches", default=256))
