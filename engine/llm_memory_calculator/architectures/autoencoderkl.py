"""The autoencoder of Stable Diffusion, SD3, Flux and PixArt: images to latents and back, eight to one along a side."""

from ..architecture import Architecture
from ..config import Config
from ._autoencoder import autoencoder, read_autoencoder
from ._diffusion import conv


def build(config: Config) -> Architecture:
    shape = read_autoencoder(config)
    double, latent = 2 * shape.latent, shape.latent
    before = (conv("quant_conv", double, double, 1),) if config.boolean("use_quant_conv", default=True) else ()
    after = (conv("post_quant_conv", latent, latent, 1),) if config.boolean("use_post_quant_conv", default=True) else ()
    return autoencoder(config, shape, outputs=double, between=(*before, *after))
