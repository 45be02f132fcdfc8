"""Stable Cascade's autoencoder with a table of codes: patches of 2 x 2 pixels, depthwise convolutions, two levels."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..images import Compression, Latents
from ..operators import Activation, Convolution, Embedding, Learned, Norm
from ._blocks import Operators, plain
from ._diffusion import conv, diffusion_model


def build(config: Config) -> Architecture:
    channels = config.integer("in_channels", default=3), config.integer("out_channels", default=3)
    patch = config.integer("up_down_scale_factor", default=2, most=64)
    levels, deepest = config.integer("levels", default=2, most=16), config.integer("embed_dim", default=384)
    blocks = config.integer("bottleneck_blocks", default=12, most=1000)
    latent, codes = config.integer("latent_channels", default=4), config.integer("num_vq_embeddings", default=8192)
    widths = [max(1, deepest >> (levels - 1 - level)) for level in range(levels)]
    smallest = patch**2 * 4 ** (levels - 1)
    normed: Operators = (
        Convolution(name="0", inputs=widths[-1], outputs=latent, kernel=1, bias=False),
        Norm(name="1", width=latent, bias=True),
        *(Learned(name=f"1.running_{name}", size=latent, trained=False) for name in ("mean", "var")),
    )
    table = Embedding(name="vquantizer.embedding", entries=codes, width=latent, part="positions")
    return diffusion_model(
        config,
        hidden=widths[0],
        first=(),
        stack=(
            Layer(path="in_block", operators=(conv("1", channels[0] * patch**2, widths[0], 1),), reduction=patch**2),
            *_way("down_blocks", widths, [1] * levels, patch),
            Layer(path=f"down_blocks.{2 * levels - 1}", operators=normed, reduction=smallest),
            Layer(path="", operators=(table,), reduction=smallest),
            Layer(path="up_blocks", operators=(conv("0.0", latent, widths[-1], 1),), reduction=smallest),
            *_way("up_blocks", widths[::-1], [blocks, *[1] * (levels - 1)], patch, first=1),
            Layer(path="out_block", operators=(conv("0", widths[0], channels[1] * patch**2, 1),), reduction=patch**2),
        ),
        last=(),
        latents=Latents(
            scale=1, channels=channels[0], passes=1, prompt=0, decodes=Compression(patch * 2 ** (levels - 1))
        ),
    )


def _way(path: str, widths: list[int], blocks: list[int], patch: int, first: int = 0) -> list[Layer]:
    """Blocks of each level, a convolution of 4 x 4 to the next, all in one list that counts from `first`."""
    found: list[Layer] = []
    rises = path.startswith("up")
    for level, (width, repeats) in enumerate(zip(widths, blocks, strict=True)):
        reduction = patch**2 * 4 ** (len(widths) - 1 - level if rises else level)
        if level:
            number = first + len(found)
            found.append(
                Layer(path=path, operators=(conv(str(number), widths[level - 1], width, 4),), reduction=reduction)
            )
        for _ in range(repeats):
            number = first + len(found)
            found.append(Layer(path=f"{path}.{number}", operators=_mixing(width), reduction=reduction))
    return found


def _mixing(width: int) -> Operators:
    """Convolutions of each channel alone, then a feed-forward over the channels."""
    return (
        Learned(name="gammas", size=6),
        Norm(name="norm1", width=width, scaled=False),
        Convolution(name="depthwise.1", inputs=width, outputs=width, kernel=9, groups=width),
        Norm(name="norm2", width=width, scaled=False),
        plain("channelwise.0", 4 * width, width, bias=True, part="up"),
        Activation(name="channelwise.act", width=4 * width, gated=False),
        plain("channelwise.2", width, 4 * width, bias=True, part="down"),
    )
