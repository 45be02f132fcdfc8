"""MoVQ of Kandinsky 2: an autoencoder with a table of codes, whose decoder's norms the latents scale and shift."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Embedding
from ._autoencoder import autoencoder, read_autoencoder
from ._diffusion import conv


def build(config: Config) -> Architecture:
    shape = read_autoencoder(config, latent_default=3, spatial=config.text("norm_type", default="group") == "spatial")
    width = config.integer("vq_embed_dim", default=shape.latent)
    codes = config.integer("num_vq_embeddings", default=256)
    return autoencoder(
        config,
        shape,
        outputs=shape.latent,
        between=(
            conv("quant_conv", shape.latent, width, 1),
            Embedding(name="quantize.embedding", entries=codes, width=width, part="positions"),
            conv("post_quant_conv", width, shape.latent, 1),
        ),
    )
