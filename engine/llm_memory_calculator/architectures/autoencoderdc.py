"""The autoencoder of Sana, 32 pixels to one along a side: convolutions, then linear attention at several scales."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression, Latents
from ..operators import Convolution, Norm
from ._blocks import Heads, Operators, plain
from ._diffusion import conv, diffusion_model, idle
from ._encoders import two_sided
from ._sana import convolved_feed_forward
from ._unet import optional_kind
from ._video import counts

RES, ATTEND = "ResBlock", "EfficientViTBlock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """The levels of an encoder or a decoder, the largest first."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    kinds: tuple[str, ...]
    scales: tuple[tuple[int, ...], ...]
    """Sides of the convolutions by which each level's attention sees more than single positions."""
    dim: int

    def layers(self, path: str, level: int, begin: int) -> list[Layer]:
        """The blocks of a level, numbered from `begin`."""
        width = self.widths[level]
        plain_level = self.kinds[level] == RES
        block = _residual(width) if plain_level else _attending(width, self.dim, self.scales[level])
        return [
            Layer(path=f"{path}.{level}.{begin + number}", operators=block, reduction=4**level)
            for number in range(self.blocks[level])
        ]


def build(config: Config) -> Architecture:
    encoder, decoder = (_half(config, name) for name in ("encoder", "decoder"))
    depth = len(encoder.widths)
    if len(decoder.widths) != depth:
        raise ConfigError("The config's encoder_block_out_channels and decoder_block_out_channels must be as many.")
    latent, channels = config.integer("latent_channels", default=32), config.integer("in_channels", default=3)
    folds = optional_kind(config, "downsample_block_type", ("pixel_unshuffle", "conv", "Conv")) == "pixel_unshuffle"
    unfolds = optional_kind(config, "upsample_block_type", ("pixel_shuffle", "interpolate")) == "pixel_shuffle"
    smallest = 4 ** (depth - 1)
    stack = [_end("encoder", "conv_in", channels, encoder.widths[0], 1)]
    for level, width in enumerate(encoder.widths):
        stack += encoder.layers("encoder.down_blocks", level, 0)
        if level < depth - 1:
            after = encoder.widths[level + 1]
            # folding puts four positions into the values of one
            down = conv("conv", width, after // 4 if folds else after)
            place = f"encoder.down_blocks.{level}.{encoder.blocks[level]}"
            stack.append(Layer(path=place, operators=(down,), reduction=4**level if folds else 4 ** (level + 1)))
    stack.append(_end("encoder", "conv_out", encoder.widths[-1], latent, smallest))
    stack = list(idle(stack))
    stack.append(_end("decoder", "conv_in", latent, decoder.widths[-1], smallest))
    for level in reversed(range(depth)):
        if level < depth - 1:
            before, width = decoder.widths[level + 1], decoder.widths[level]
            up = conv("conv", before, 4 * width if unfolds else width)
            place = f"decoder.up_blocks.{level}.0"
            stack.append(Layer(path=place, operators=(up,), reduction=4 ** (level + 1) if unfolds else 4**level))
        stack += decoder.layers("decoder.up_blocks", level, int(level < depth - 1))
    last = (Norm(name="norm_out", width=decoder.widths[0], bias=True), conv("conv_out", decoder.widths[0], channels))
    stack.append(Layer(path="decoder", operators=last))
    return diffusion_model(
        config,
        hidden=encoder.widths[0],
        first=(),
        stack=tuple(stack),
        last=(),
        latents=Latents(scale=1, channels=channels, passes=1, prompt=0, decodes=Compression(1 << (depth - 1))),
    )


def _half(config: Config, name: str) -> Half:
    widths = config.integers(f"{name}_block_out_channels", default=(128, 256, 512, 512, 1024, 1024), least=1)
    depth, field = len(widths), f"{name}_block_types"
    blocks = (2, 2, 2, 3, 3, 3) if name == "encoder" else (3,) * 6
    kinds = config.values.get(field, RES)
    if isinstance(kinds, str):
        config = config.stating(**{field: [kinds] * depth})
    return Half(
        widths=widths,
        blocks=counts(config, f"{name}_layers_per_block", depth, blocks, most=100),
        kinds=config.names(field, (RES, ATTEND), depth),
        scales=_scales(config, f"{name}_qkv_multiscales", depth),
        dim=config.integer("attention_head_dim", default=32),
    )


def _scales(config: Config, name: str, depth: int) -> tuple[tuple[int, ...], ...]:
    value = config.values.get(name, [[], [], [], [5], [5], [5]])
    if (
        not isinstance(value, (list, tuple))
        or len(value) != depth
        or not all(
            isinstance(sides, (list, tuple)) and all(isinstance(side, int) and 0 < side < 100 for side in sides)
            for sides in value
        )
    ):
        raise ConfigError(
            f"The config's {config.where}{name} must have a list of sides for each of its {depth} levels, and is "
            f"{shown(value)}."
        )
    return tuple(tuple(sides) for sides in value)


def _end(path: str, name: str, inputs: int, outputs: int, reduction: int) -> Layer:
    return Layer(path=path, operators=(conv(name, inputs, outputs),), reduction=reduction)


def _residual(width: int) -> Operators:
    return (
        conv("conv1", width, width),
        Convolution(name="conv2", inputs=width, outputs=width, kernel=9, bias=False),
        Norm(name="norm", width=width, bias=True),
    )


def _attending(width: int, dim: int, scales: tuple[int, ...]) -> Operators:
    """Linear attention, of the positions and of what convolutions make of those around, and a feed-forward."""
    heads = max(1, width // dim)
    inner = heads * dim
    seen = [
        Convolution(
            name=f"attn.to_qkv_multiscale.{number}.{name}",
            inputs=3 * inner,
            outputs=3 * inner,
            kernel=kernel,
            groups=groups,
            bias=False,
        )
        for number, side in enumerate(scales)
        for name, kernel, groups in (("proj_in", side**2, 3 * inner), ("proj_out", 1, 3 * heads))
    ]
    return (
        plain("attn.to_q", inner, width, part="q"),
        plain("attn.to_k", inner, width, part="k"),
        plain("attn.to_v", inner, width, part="v"),
        *seen,
        two_sided(Heads(query=heads * (1 + len(scales)), kv=heads * (1 + len(scales)), dim=dim), "attn", linear=True),
        plain("attn.to_out", width, inner * (1 + len(scales)), part="out"),
        Norm(name="attn.norm_out", width=width, bias=True),
        *convolved_feed_forward(width, 4 * width, "conv_out", normed=True),
    )
