"""The image half of CLIP alone, as pipelines of diffusion have it: with a projection after it or without one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain
from ._encoders import class_of, encoder_model
from ._towers import clip


def build(config: Config) -> Architecture:
    found = clip(config, "vision_model")
    projected = class_of(config).endswith("WithProjection")
    return encoder_model(
        config,
        first=(),
        stack=found.layers,
        last=(plain("visual_projection", config.integer("projection_dim", default=512), found.width),)
        if projected
        else (),
        hidden=found.width,
        vocabulary=0,
        longest=found.positions,
    )
