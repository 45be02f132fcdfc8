"""Autoencoders of images: an encoder from pixels to latents, a decoder back, both in levels of convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import Config
from ..images import Latents
from ._blocks import Operators
from ._diffusion import conv, diffusion_model, group_norm, side_of
from ._unet import Level, kinds, level_attention, middle, no_attention, widths_of

_PLAIN_DOWN, _ATTENDING_DOWN = "DownEncoderBlock2D", "AttnDownEncoderBlock2D"
_PLAIN_UP, _ATTENDING_UP = "UpDecoderBlock2D", "AttnUpDecoderBlock2D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoencoder:
    """The sizes of an autoencoder of images, whose encoder and decoder are as deep as each other."""

    widths: tuple[int, ...]
    down: tuple[str, ...]
    up: tuple[str, ...]
    blocks: int
    latent: int
    channels: tuple[int, int]
    attends: bool
    """Whether there is attention in the middle."""
    spatial: bool = False
    """The decoder's norms are scaled and shifted by the latents (MoVQ)."""

    @property
    def scale(self) -> int:
        """Pixels along a side of a latent position."""
        return 1 << (len(self.widths) - 1)

    def encoder(self, outputs: int) -> tuple[Layer, ...]:
        """From pixels to `outputs` values a latent position."""
        found = [Layer(path="encoder", operators=(conv("conv_in", self.channels[0], self.widths[0]),))]
        inputs = self.widths[0]
        for number, (width, kind) in enumerate(zip(self.widths, self.down, strict=True)):
            reduction = 4**number
            level = Level(
                path=f"encoder.down_blocks.{number}",
                inputs=inputs,
                width=width,
                blocks=self.blocks,
                reduction=reduction,
                attend=level_attention(width, width, reduction) if kind == _ATTENDING_DOWN else no_attention,
                resamples=number < len(self.widths) - 1,
            )
            found += level.down()
            inputs = width
        return (*found, *self._middle("encoder", None), self._last("encoder", self.widths[-1], outputs, None))

    def decoder(self) -> tuple[Layer, ...]:
        """From latents to pixels."""
        spatial = self.latent if self.spatial else None
        smallest = self.scale**2
        first = Layer(path="decoder", operators=(conv("conv_in", self.latent, self.widths[-1]),), reduction=smallest)
        found = [first, *self._middle("decoder", spatial)]
        inputs = self.widths[-1]
        for number, (width, kind) in enumerate(zip(reversed(self.widths), self.up, strict=True)):
            reduction = smallest // 4**number
            level = Level(
                path=f"decoder.up_blocks.{number}",
                inputs=inputs,
                width=width,
                blocks=self.blocks + 1,
                reduction=reduction,
                spatial=spatial,
                attend=level_attention(width, width, reduction, spatial) if kind == _ATTENDING_UP else no_attention,
                resamples=number < len(self.widths) - 1,
            )
            found += level.up()
            inputs = width
        return (*found, self._last("decoder", self.widths[0], self.channels[1], spatial))

    def _middle(self, path: str, spatial: int | None) -> tuple[Layer, ...]:
        width, reduction = self.widths[-1], self.scale**2
        attention = level_attention(width, width, reduction, spatial)(f"{path}.mid_block.attentions.0", 0)
        return middle(f"{path}.mid_block", width, reduction, attention if self.attends else (), spatial=spatial)

    def _last(self, path: str, width: int, outputs: int, spatial: int | None) -> Layer:
        operators = (*group_norm("conv_norm_out", width, spatial), conv("conv_out", width, outputs))
        return Layer(path=path, operators=operators, reduction=self.scale**2 if path == "encoder" else 1)


def read_autoencoder(config: Config, *, latent_default: int = 4, spatial: bool = False) -> Autoencoder:
    """The sizes of an autoencoder by their usual names."""
    down = kinds(config, "down_block_types", (_PLAIN_DOWN, _ATTENDING_DOWN), (_PLAIN_DOWN,))
    up = kinds(config, "up_block_types", (_PLAIN_UP, _ATTENDING_UP), (_PLAIN_UP,))
    return Autoencoder(
        widths=widths_of(config, (64,), ("down_block_types", down), ("up_block_types", up)),
        down=down,
        up=up,
        blocks=config.integer("layers_per_block", default=1, most=100),
        latent=config.integer("latent_channels", default=latent_default),
        channels=(config.integer("in_channels", default=3), config.integer("out_channels", default=3)),
        attends=config.boolean("mid_block_add_attention", default=True),
        spatial=spatial,
    )


def autoencoder(config: Config, shape: Autoencoder, *, outputs: int, between: Operators) -> Architecture:
    """The model around both halves; `between` is what stands on the latents. Positions are pixels."""
    return diffusion_model(
        config,
        hidden=shape.widths[0],
        first=(),
        stack=(
            *shape.encoder(outputs),
            Layer(path="", operators=between, reduction=shape.scale**2),
            *shape.decoder(),
        ),
        last=(),
        latents=Latents(scale=1, channels=shape.channels[0], passes=1, prompt=0, side=side_of(config)),
    )
