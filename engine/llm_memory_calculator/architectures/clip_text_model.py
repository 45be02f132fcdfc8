"""The text half of CLIP alone, as pipelines of diffusion have it: with a projection after it or without one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, plain
from ._contrastive import CLIP_TEXT, text_encoder
from ._encoders import class_of


def build(config: Config) -> Architecture:
    def head(text: Config, hidden: int) -> Operators:
        if not class_of(config).endswith("WithProjection"):
            return ()
        return (plain("text_projection", text.integer("projection_dim", default=512), hidden),)

    return text_encoder(config, config, head, CLIP_TEXT)
