"""GLM-4.5V and 4.6V: the mixture of GLM-4.5-Air with the tower of GLM-4.1V."""

from ..architecture import Architecture
from ..config import Config
from ._rows import ROWS
from ._vision import beside_glm_tower
from .glm4_moe import build as build_text


def build(config: Config) -> Architecture:
    return beside_glm_tower(config, build_text, ROWS["glm4v_moe_text"].defaults)
