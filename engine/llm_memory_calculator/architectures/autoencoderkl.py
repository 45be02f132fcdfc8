"""The autoencoder of Stable Diffusion, SD3, Flux and PixArt: images to latents and back, eight to one along a side."""

from ..architecture import Architecture
from ..config import Config
from ._autoencoder import autoencoder, quantised, read_autoencoder


def build(config: Config) -> Architecture:
    shape = read_autoencoder(config)
    return autoencoder(config, shape, outputs=2 * shape.latent, between=quantised(config, shape))
