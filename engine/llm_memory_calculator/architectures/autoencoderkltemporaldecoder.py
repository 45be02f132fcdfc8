"""The autoencoder of Stable Video Diffusion: that of images, whose decoder has blocks over frames too."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ._autoencoder import autoencoder, read_autoencoder
from ._diffusion import conv
from ._frames import mixed_residual
from ._unet import kinds
from ._video import conv3d


def build(config: Config) -> Architecture:
    # its decoder has one type of block, which the config does not state
    down = kinds(config, "down_block_types", ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"), ("DownEncoderBlock2D",))
    shape = read_autoencoder(config.stating(up_block_types=["UpDecoderBlock2D"] * len(down)))
    found = autoencoder(
        config,
        replace(shape, decoder_block=mixed_residual),
        outputs=2 * shape.latent,
        between=(conv("quant_conv", 2 * shape.latent, 2 * shape.latent, 1),),
    )
    colours = shape.channels[1]
    last = Layer(path="decoder", operators=(conv3d("time_conv_out", colours, colours, 3),))
    return replace(found, stack=(*found.stack, last))
