"""The autoencoder of FLUX.2: Flux's with twice the values, normed by what they were on average in training."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Learned
from ._autoencoder import autoencoder, quantised, read_autoencoder


def build(config: Config) -> Architecture:
    config = config.filled(
        block_out_channels=[128, 256, 512, 512],
        layers_per_block=2,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
    )
    shape = read_autoencoder(config, latent_default=32, unlike_halves=True)
    patch = config.integers("patch_size", default=(2, 2), least=1)
    if len(patch) != 2:
        raise ConfigError(f"The config's patch_size must be two whole numbers, and is {shown(list(patch))}.")
    values = patch[0] * patch[1] * shape.latent
    averages = tuple(Learned(name=f"bn.running_{name}", size=values, trained=False) for name in ("mean", "var"))
    return autoencoder(config, shape, outputs=2 * shape.latent, between=(*quantised(config, shape), *averages))
