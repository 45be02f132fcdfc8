"""The autoencoder of HunyuanVideo 1.5: sixteen pixels to one along a side, positions folded into values on the way."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression
from ..operators import BidirectionalAttention, Convolution, Norm
from ._blocks import Operators
from ._video import Half, Step, conv3d, video_autoencoder


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldingHalf(Half):
    matches: bool
    """A level hands on as many values as the next one has."""

    def shortcut(self, inputs: int, outputs: int) -> Convolution:
        return conv3d("conv_shortcut", inputs, outputs, 1)

    def norm(self, name: str, width: int) -> Operators:
        return (Norm(name=f"{name}.gamma", width=width),)

    def last_norm(self, width: int) -> Operators:
        return self.norm("norm_out", width)

    def handed_on(self, level: int) -> int:
        return self.widths[level + 1 if self.matches else level]

    def resample(self, level: int, step: Step) -> Operators:
        made = self.handed_on(level)
        outputs = made * step.positions if self.decodes else made // step.positions
        return (self.conv("conv", self.widths[level], outputs),)

    def attention(self, width: int) -> Operators:
        """Of all positions to each other."""
        return (
            *self.norm("norm", width),
            *(conv3d(f"to_{part}", width, width, 1) for part in "qkv"),
            BidirectionalAttention(name="", heads=1, head_dim=width),
            conv3d("proj_out", width, width, 1),
        )


def build(config: Config) -> Architecture:
    widths = config.integers("block_out_channels", default=(128, 256, 512, 1024, 1024), least=1)
    latent, blocks = (
        config.integer("latent_channels", default=32),
        config.integer("layers_per_block", default=2, most=100),
    )
    side = config.integer("spatial_compression_ratio", default=16)
    frames = config.integer("temporal_compression_ratio", default=4)
    halvings, times = side.bit_length() - 1, frames.bit_length() - 1
    if side != 1 << halvings or frames != 1 << times or not times <= halvings < len(widths):
        raise ConfigError(
            f"The config's spatial_compression_ratio {shown(side)} and temporal_compression_ratio {shown(frames)} must "
            f"be powers of two that its {len(widths)} levels reach."
        )
    # the encoder takes half the frames last, the decoder gives twice as many first
    steps = [Step(side=2, frames=2 if level >= halvings - times else 1) for level in range(halvings)]
    rest = [Step()] * (len(widths) - halvings)
    channels = config.integer("in_channels", default=3), config.integer("out_channels", default=3)
    encoder = FoldingHalf(
        path="encoder",
        widths=widths,
        blocks=blocks,
        ends=(channels[0], 2 * latent),
        steps=(*steps, *rest),
        reduction=1,
        folds=True,
        matches=config.boolean("downsample_match_channel", default=True),
    )
    decoder = FoldingHalf(
        path="decoder",
        widths=widths[::-1],
        blocks=blocks + 1,
        ends=(latent, channels[1]),
        steps=(*reversed(steps), *rest),
        reduction=frames * side**2,
        frames=frames,
        folds=True,
        matches=config.boolean("upsample_match_channel", default=True),
    )
    return video_autoencoder(config, (encoder, decoder), between=(), compression=Compression(side, frames))
