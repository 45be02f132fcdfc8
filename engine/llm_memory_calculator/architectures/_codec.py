"""EnCodec: the encoder and decoder of sound that token models of sound end in (Bark, MusicGen)."""

from __future__ import annotations

from math import prod

from ..architecture import Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Buffer, Convolution, Learned
from ..units import ceil_div
from ._blocks import Operators, plain
from ._towers import tower


def _convolution(name: str, inputs: int, outputs: int, kernel: int, *, transposed: bool = False) -> Operators:
    """A convolution whose kernels are kept as directions, and their lengths apart (weight normalisation)."""
    kernels = inputs if transposed else outputs
    return (
        Convolution(name=name, inputs=inputs, outputs=outputs, kernel=kernel),
        Learned(name=f"{name}.length", size=kernels),
    )


def _recurrent(name: str, width: int, depth: int) -> Operators:
    """LSTM layers: four gates from the input and four from the state, each with a bias."""
    return tuple(
        plain(f"{name}.weight_{side}_l{index}", 4 * width, width, True)
        for index in range(depth)
        for side in ("ih", "hh")
    )


def encodec(config: Config, path: str) -> tuple[Layer, ...]:
    """The layers of an EnCodec, with its codebooks, which are no parameters."""
    if config.has("norm_type") and config.text("norm_type") != "weight_norm":
        raise ConfigError(
            f"The config's {config.where}norm_type is {shown(config.text('norm_type'))}; described is only "
            "'weight_norm'."
        )
    filters, hidden = config.integer("num_filters", default=32), config.integer("hidden_size", default=128)
    ratios = config.integers("upsampling_ratios", default=(8, 5, 4, 2), least=1)
    channels, kernel = config.integer("audio_channels", default=1), config.integer("kernel_size", default=7)
    last = config.integer("last_kernel_size", default=7)
    inner, residual = config.integer("compress", default=2), config.integer("residual_kernel_size", default=3)
    blocks, depth = config.integer("num_residual_layers", default=1), config.integer("num_lstm_layers", default=2)
    shortcut = config.boolean("use_conv_shortcut", default=True)

    def mixed(name: str, width: int) -> Operators:
        return (
            *_convolution(f"{name}.block.1", width, width // inner, residual),
            *_convolution(f"{name}.block.3", width // inner, width, 1),
            *(_convolution(f"{name}.shortcut", width, width, 1) if shortcut else ()),
        )

    widest = filters * 2 ** len(ratios)
    down = _convolution("encoder.first", channels, filters, kernel)
    up = (*_convolution("decoder.first", hidden, widest, kernel), *_recurrent("decoder.lstm", widest, depth))
    for index, ratio in enumerate(reversed(ratios)):
        width = filters * 2**index
        for block in range(blocks):
            down += mixed(f"encoder.residual.{index}.{block}", width)
        down += _convolution(f"encoder.down.{index}", width, 2 * width, 2 * ratio)
    for index, ratio in enumerate(ratios):
        width = widest // 2 ** (index + 1)
        up += _convolution(f"decoder.up.{index}", 2 * width, width, 2 * ratio, transposed=True)
        for block in range(blocks):
            up += mixed(f"decoder.residual.{index}.{block}", width)
    down += (*_recurrent("encoder.lstm", widest, depth), *_convolution("encoder.last", widest, hidden, last))
    up += _convolution("decoder.last", filters, channels, last)
    size, dim = config.integer("codebook_size", default=1024), config.integer("codebook_dim", default=hidden)
    frames = ceil_div(config.integer("sampling_rate", default=24_000), prod(ratios))
    rates = config.reals("target_bandwidths", default=(24.0,))
    books = int(1000 * max(rates, default=0) // (frames * 10))
    return (
        tower(path, down, of_sound=True),
        tower(path, up, of_sound=True),
        tower(path, (Buffer(name="quantizer.codebooks", size=books * size * (2 * dim + 1)),)),
    )
