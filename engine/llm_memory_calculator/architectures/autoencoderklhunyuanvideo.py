"""The autoencoder of HunyuanVideo: Stable Diffusion's over frames too, four of them to one."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression
from ._blocks import Operators
from ._diffusion import positions_attention
from ._unet import kinds, widths_of
from ._video import Half, Step, conv3d, video_autoencoder

# a tile of 16 frames, which begins with the last latent frame of the one before
FRAMES_AT_ONCE = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class HunyuanHalf(Half):
    def attention(self, width: int) -> Operators:
        return positions_attention(width, width)

    def resample(self, level: int, step: Step) -> Operators:
        width = self.widths[level]
        return (self.conv("conv", width, width),)


def build(config: Config) -> Architecture:
    blocks = {way: f"HunyuanVideo{way.capitalize()}Block3D" for way in ("down", "up")}
    down, up = (kinds(config, f"{way}_block_types", (name,), (name,) * 4) for way, name in blocks.items())
    widths = widths_of(config, (128, 256, 512, 512), ("down_block_types", down), ("up_block_types", up))
    latent, repeats = (
        config.integer("latent_channels", default=16),
        config.integer("layers_per_block", default=2, most=100),
    )
    attends = config.boolean("mid_block_add_attention", default=True)
    frames = config.integer("temporal_compression_ratio", default=4)
    side = config.integer("spatial_compression_ratio", default=8)
    last = len(widths) - 1
    if frames != 4 or side != 1 << (side.bit_length() - 1) or side.bit_length() - 1 > last:
        raise ConfigError(
            f"The config's temporal_compression_ratio {shown(frames)} and spatial_compression_ratio {shown(side)} must "
            f"be 4 and a power of two that its {last + 1} levels reach."
        )
    # the last levels that hand on take half the frames, on either way
    steps = tuple(
        Step(frames=2 if last - 2 <= level < last else 1, side=2 if level < side.bit_length() - 1 else 1)
        for level in range(last + 1)
    )
    channels = config.integer("in_channels", default=3), config.integer("out_channels", default=3)
    encoder = HunyuanHalf(
        path="encoder",
        widths=widths,
        blocks=repeats,
        ends=(channels[0], 2 * latent),
        steps=steps,
        reduction=1,
        attends=attends,
    )
    decoder = HunyuanHalf(
        path="decoder",
        widths=widths[::-1],
        blocks=repeats + 1,
        ends=(latent, channels[1]),
        steps=steps,
        reduction=frames * side**2,
        frames=frames,
        attends=attends,
    )
    return video_autoencoder(
        config,
        (encoder, decoder),
        between=(conv3d("quant_conv", 2 * latent, 2 * latent, 1), conv3d("post_quant_conv", latent, latent, 1)),
        compression=Compression(side, frames, FRAMES_AT_ONCE),
    )
