"""Autoencoders of images: an encoder from pixels to latents, a decoder back, both in levels of convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError
from ..images import Compression, Latents
from ._blocks import Operators
from ._diffusion import conv, diffusion_model, group_norm, idle, side_of
from ._unet import Block, Level, kinds, level_attention, middle, no_attention, widths_of

_PLAIN_DOWN, _ATTENDING_DOWN = "DownEncoderBlock2D", "AttnDownEncoderBlock2D"
_PLAIN_UP, _ATTENDING_UP = "UpDecoderBlock2D", "AttnUpDecoderBlock2D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoencoder:
    """The sizes of an autoencoder of images, whose encoder and decoder are as deep as each other."""

    widths: tuple[int, ...]
    decoded: tuple[int, ...]
    """The widths of the decoder's levels, the largest level first as in `widths`."""
    down: tuple[str, ...]
    up: tuple[str, ...]
    blocks: int
    latent: int
    channels: tuple[int, int]
    attends: bool
    """Whether there is attention in the middle."""
    spatial: bool = False
    """The decoder's norms are scaled and shifted by the latents (MoVQ)."""
    decoder_block: Block | None = None

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
        return (
            *found,
            *self._middle("encoder", self.widths[-1], None),
            self._last("encoder", self.widths[-1], outputs, None),
        )

    def decoder(self) -> tuple[Layer, ...]:
        """From latents to pixels."""
        spatial = self.latent if self.spatial else None
        smallest = self.scale**2
        first = Layer(path="decoder", operators=(conv("conv_in", self.latent, self.decoded[-1]),), reduction=smallest)
        found = [first, *self._middle("decoder", self.decoded[-1], spatial)]
        inputs = self.decoded[-1]
        for number, (width, kind) in enumerate(zip(reversed(self.decoded), self.up, strict=True)):
            reduction = smallest // 4**number
            level = Level(
                path=f"decoder.up_blocks.{number}",
                inputs=inputs,
                width=width,
                blocks=self.blocks + 1,
                reduction=reduction,
                spatial=spatial,
                attend=level_attention(width, width, reduction, spatial) if kind == _ATTENDING_UP else no_attention,
                resamples=number < len(self.decoded) - 1,
                block=self.decoder_block,
            )
            found += level.up()
            inputs = width
        return (*found, self._last("decoder", self.decoded[0], self.channels[1], spatial))

    def _middle(self, path: str, width: int, spatial: int | None) -> tuple[Layer, ...]:
        reduction = self.scale**2
        attention = level_attention(width, width, reduction, spatial)(f"{path}.mid_block.attentions.0", 0)
        block = self.decoder_block if path == "decoder" else None
        return middle(
            f"{path}.mid_block",
            width,
            reduction,
            attention if self.attends else (),
            spatial=spatial,
            blocks=2 if block is None else self.blocks,
            block=block,
        )

    def _last(self, path: str, width: int, outputs: int, spatial: int | None) -> Layer:
        operators = (*group_norm("conv_norm_out", width, spatial), conv("conv_out", width, outputs))
        return Layer(path=path, operators=operators, reduction=self.scale**2 if path == "encoder" else 1)


def read_autoencoder(
    config: Config, *, latent_default: int = 4, spatial: bool = False, unlike_halves: bool = False
) -> Autoencoder:
    """The sizes of an autoencoder by their usual names; unlike_halves: its decoder may be of other widths."""
    down = kinds(config, "down_block_types", (_PLAIN_DOWN, _ATTENDING_DOWN), (_PLAIN_DOWN,))
    up = kinds(config, "up_block_types", (_PLAIN_UP, _ATTENDING_UP), (_PLAIN_UP,))
    widths = widths_of(config, (64,), ("down_block_types", down), ("up_block_types", up))
    decoded, own = widths, "decoder_block_out_channels"
    if unlike_halves and config.has(own):
        decoded = config.integers(own, least=1)
    if len(decoded) != len(widths):
        raise ConfigError(
            f"The config's {config.where}{own} has {len(decoded)} entries, and block_out_channels has "
            f"{len(widths)}; both must say what each level is."
        )
    return Autoencoder(
        widths=widths,
        decoded=decoded,
        down=down,
        up=up,
        blocks=config.integer("layers_per_block", default=1, most=100),
        latent=config.integer("latent_channels", default=latent_default),
        channels=(config.integer("in_channels", default=3), config.integer("out_channels", default=3)),
        attends=config.boolean("mid_block_add_attention", default=True),
        spatial=spatial,
    )


def quantised(config: Config, shape: Autoencoder) -> Operators:
    """The convolutions on what the encoder gives and on what the decoder takes, where the config has them."""
    sides = {
        "use_quant_conv": ("quant_conv", 2 * shape.latent),
        "use_post_quant_conv": ("post_quant_conv", shape.latent),
    }
    return tuple(
        conv(name, width, width, 1) for field, (name, width) in sides.items() if config.boolean(field, default=True)
    )


def autoencoder(config: Config, shape: Autoencoder, *, outputs: int, between: Operators) -> Architecture:
    """The model around both halves; `between` is what stands on the latents. Positions are pixels."""
    return diffusion_model(
        config,
        hidden=shape.widths[0],
        first=(),
        stack=(
            *idle(shape.encoder(outputs)),
            Layer(path="", operators=between, reduction=shape.scale**2),
            *shape.decoder(),
        ),
        last=(),
        latents=Latents(
            scale=1,
            channels=shape.channels[0],
            passes=1,
            prompt=0,
            side=side_of(config),
            decodes=Compression(shape.scale),
        ),
    )
