"""SigLIP, and SigLIP 2 at fixed resolutions: encoders of texts and images trained with a sigmoid."""

from ..architecture import Architecture
from ..config import Config
from ._contrastive import siglip_pair


def build(config: Config) -> Architecture:
    return siglip_pair(config)
