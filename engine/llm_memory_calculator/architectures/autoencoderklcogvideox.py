"""The autoencoder of CogVideoX: convolutions over frames, whose decoder's norms the latents scale and shift."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression
from ..operators import Convolution, Norm
from ._blocks import Operators
from ._diffusion import conv
from ._unet import kinds, widths_of
from ._video import Half, Step, conv3d, video_autoencoder

# two latent frames are decoded at a time, first three where their number is odd, as the default of the pipeline gives
LATENT_FRAMES_AT_ONCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CogVideoXHalf(Half):
    spatial: int | None
    """Values of a latent position, which scale and shift the norms of a decoder."""

    def shortcut(self, inputs: int, outputs: int) -> Convolution:
        return conv3d("conv_shortcut", inputs, outputs, 1)

    def norm(self, name: str, width: int) -> Operators:
        if self.spatial is None:
            return Half.norm(self, name, width)
        return (
            Norm(name=f"{name}.norm_layer", width=width, bias=True),
            self.conv(f"{name}.conv_y", self.spatial, width, 1),
            self.conv(f"{name}.conv_b", self.spatial, width, 1),
        )

    def last_norm(self, width: int) -> Operators:
        return self.norm("norm_out", width)

    def resample(self, level: int, step: Step) -> Operators:
        width = self.widths[level]
        return (conv("conv", width, width),)


def build(config: Config) -> Architecture:
    blocks = {way: f"CogVideoX{way.capitalize()}Block3D" for way in ("down", "up")}
    down, up = (kinds(config, f"{way}_block_types", (name,), (name,) * 4) for way, name in blocks.items())
    widths = widths_of(config, (128, 256, 256, 512), ("down_block_types", down), ("up_block_types", up))
    latent, repeats = (
        config.integer("latent_channels", default=16),
        config.integer("layers_per_block", default=3, most=100),
    )
    channels = config.integer("in_channels", default=3), config.integer("out_channels", default=3)
    frames, last = config.integer("temporal_compression_ratio", default=4), len(widths) - 1
    halvings = frames.bit_length() - 1
    if frames != 1 << halvings or halvings > last:
        raise ConfigError(
            f"The config's temporal_compression_ratio {shown(frames)} must be a power of two that its "
            f"{last + 1} levels reach."
        )
    steps = tuple(Step(frames=2 if level < halvings else 1, side=2) for level in range(last))
    encoder = CogVideoXHalf(
        path="encoder",
        widths=widths,
        blocks=repeats,
        ends=(channels[0], 2 * latent),
        steps=(*steps, Step()),
        reduction=1,
        attends=False,
        spatial=None,
    )
    side = 1 << last
    decoder = CogVideoXHalf(
        path="decoder",
        widths=widths[::-1],
        blocks=repeats + 1,
        ends=(latent, channels[1]),
        steps=(*steps, Step()),
        reduction=frames * side**2,
        frames=frames,
        attends=False,
        spatial=latent,
    )
    # both are as wide as what comes out, and published configs have neither
    sides = {"use_quant_conv": ("quant_conv", 2 * channels[1]), "use_post_quant_conv": ("post_quant_conv", channels[1])}
    between = tuple(
        conv3d(name, width, width, 1) for field, (name, width) in sides.items() if config.boolean(field, default=False)
    )
    return video_autoencoder(
        config,
        (encoder, decoder),
        between=between,
        compression=Compression(side, frames, LATENT_FRAMES_AT_ONCE * frames),
    )
