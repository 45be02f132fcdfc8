"""The autoencoder of Wan and Qwen-Image: residual convolutions with RMSNorms, frame after frame."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression
from ..operators import BidirectionalAttention, Convolution, Norm
from ._blocks import Operators
from ._diffusion import conv
from ._video import Half, Step, conv3d, counts, flags, video_autoencoder


@dataclass(frozen=True, slots=True, kw_only=True)
class WanHalf(Half):
    residual_levels: bool
    """Levels have shortcuts of their own, without weights, and names of their own too (Wan 2.2)."""

    def conv(self, name: str, inputs: int, outputs: int, kernel: int = 27) -> Convolution:
        return conv3d(name, inputs, outputs, kernel)

    def norm(self, name: str, width: int) -> Operators:
        return (Norm(name=f"{name}.gamma", width=width),)

    def last_norm(self, width: int) -> Operators:
        return self.norm("norm_out", width)

    def block_path(self, level: int, number: int) -> str:
        if self.decodes or self.residual_levels:
            return Half.block_path(self, level, number)
        # the encoder of Wan 2.1 has no levels, but one list of all
        return f"{self.path}.down_blocks.{level * (self.blocks + 1) + number}"

    def step_path(self, level: int) -> str:
        if self.residual_levels:
            return f"{self.path}.{self.way}_blocks.{level}.{self.way}sampler"
        return Half.step_path(self, level) if self.decodes else self.block_path(level, self.blocks)

    def handed_on(self, level: int) -> int:
        width = self.widths[level]
        return width // 2 if self.decodes and not self.residual_levels else width

    def resample(self, level: int, step: Step) -> Operators:
        width = self.widths[level]
        fewer = step.frames > 1 and not self.decodes
        return (
            conv("resample.1", width, self.handed_on(level)),
            *((conv3d("time_conv", width, width, 3),) if fewer else ()),
        )

    def more_frames(self, level: int, step: Step) -> Operators:
        width = self.widths[level]
        return (conv3d("time_conv", width, 2 * width, 3),) if step.frames > 1 and self.decodes else ()

    def attention(self, width: int) -> Operators:
        """Of the positions of a frame to each other."""
        return (
            *self.norm("norm", width),
            conv("to_qkv", width, 3 * width, 1),
            BidirectionalAttention(name="", heads=1, head_dim=width),
            conv("proj", width, width, 1),
        )


def wan_autoencoder(config: Config) -> Architecture:
    base = config.integer("base_dim", default=96)
    decoded = config.integer("decoder_base_dim") if config.has("decoder_base_dim") else base
    latent = config.integer("z_dim", default=16)
    factors = config.integers("dim_mult", default=(1, 2, 4, 4), least=1)
    depth = len(factors)
    factors = counts(config, "dim_mult", depth, factors, most=64) if depth else (1,)
    times = flags(config, "temperal_downsample", depth - 1, (False, True, True))
    if config.values.get("attn_scales"):
        raise ConfigError(
            f"The config's attn_scales is {shown(config.values['attn_scales'])}: attention in the levels is not "
            "described, and published configs have an empty list."
        )
    residual = config.boolean("is_residual", default=False) if "is_residual" in config.values else False
    patch = config.optional_integer("patch_size", most=64) or 1
    blocks = config.integer("num_res_blocks", default=2, most=100)
    steps = tuple(Step(frames=2 if time else 1, side=2) for time in times)
    frames, side = 2 ** sum(times), patch * 2 ** (depth - 1)
    encoder = WanHalf(
        path="encoder",
        widths=tuple(base * factor for factor in factors),
        blocks=blocks,
        ends=(config.integer("in_channels", "input_channels", default=3), 2 * latent),
        steps=(*steps, Step()),
        reduction=patch**2,
        residual_levels=residual,
    )
    decoder = WanHalf(
        path="decoder",
        widths=tuple(decoded * factor for factor in reversed(factors)),
        blocks=blocks + 1,
        ends=(latent, config.integer("out_channels", "input_channels", default=3)),
        steps=(*reversed(steps), Step()),
        reduction=frames * side**2,
        frames=frames,
        residual_levels=residual,
    )
    return video_autoencoder(
        config,
        (encoder, decoder),
        between=(conv3d("quant_conv", 2 * latent, 2 * latent, 1), conv3d("post_quant_conv", latent, latent, 1)),
        # a latent frame after the other is decoded
        compression=Compression(side, frames, frames),
    )
