"""Grok-2, whose published config has this model_type; Microsoft's GIT, which has it too, is not described."""

from ..architecture import Architecture
from ..config import Config
from ..errors import UnsupportedModelError
from ._encoders import classes_of
from .grok import build as build_grok


def build(config: Config) -> Architecture:
    if "Grok1ForCausalLM" not in classes_of(config):
        raise UnsupportedModelError(
            "The config's model_type 'git' is described for Grok-2 alone, whose architectures say 'Grok1ForCausalLM'."
        )
    return build_grok(config)
