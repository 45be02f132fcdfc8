"""PixArt's transformer by the class that its checkpoints name; other uses of that class are not described."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._diffusion import pixart


def build(config: Config) -> Architecture:
    kind = config.text("norm_type", default="layer_norm")
    if kind != "ada_norm_single" or not config.has("patch_size"):
        raise ConfigError(
            f"The config's norm_type is {shown(kind)}: of the class Transformer2DModel only PixArt's is described. "
            "Its norm_type is 'ada_norm_single', and it has a patch_size."
        )
    return pixart(config)
