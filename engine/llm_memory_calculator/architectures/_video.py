"""Autoencoders of video: an encoder from frames to latents and a decoder back, in levels of residual convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression, Latents
from ..operators import Convolution
from ._blocks import Operators
from ._diffusion import diffusion_model, group_norm, idle


def conv3d(name: str, inputs: int, outputs: int, kernel: int = 27, *, bias: bool = True) -> Convolution:
    """A convolution over frames, rows and columns, `kernel` positions in all."""
    return Convolution(name=name, inputs=inputs, outputs=outputs, kernel=kernel, bias=bias)


def flags(config: Config, name: str, count: int, default: tuple[bool, ...]) -> tuple[bool, ...]:
    """Yes or no for each of `count` levels."""
    if not config.has(name):
        config.note(name, f"Absent; the family's default {list(default)} was taken.", "default")
        value: object = default
    else:
        value = config.values[name]
    if (
        not isinstance(value, (list, tuple))
        or len(value) != count
        or not all(isinstance(entry, bool) for entry in value)
    ):
        raise ConfigError(
            f"The config's {config.where}{name} must be a list of {count} of true and false, and is {shown(value)}."
        )
    return tuple(value)


def counts(config: Config, name: str, count: int, default: tuple[int, ...], *, most: int = 100_000) -> tuple[int, ...]:
    """A whole number for each of `count` levels."""
    found = config.integers(name, default=default, least=1)
    if len(found) != count or max(found) > most:
        raise ConfigError(
            f"The config's {config.where}{name} must be a list of {count} whole numbers up to {most:,}, and is "
            f"{shown(list(found))}."
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How a level hands on to the next: at a part of the frames and of each side, or not at all (1, 1)."""

    frames: int = 1
    side: int = 1

    @property
    def positions(self) -> int:
        return self.frames * self.side**2


@dataclass(frozen=True, slots=True)
class Size:
    """Of what a level works on: positions of the video for each of its own, and of these the frames."""

    positions: int
    frames: int

    def layer(self, path: str, operators: Operators) -> Layer:
        return Layer(path=path, operators=operators, reduction=self.positions, frame_reduction=self.frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """An encoder or a decoder: how its levels are built, and what they are called.

    The methods that a family has another way are overridden by it.
    """

    path: str
    widths: tuple[int, ...]
    """Of its levels, in the order in which they run."""
    blocks: int
    ends: tuple[int, int]
    """Values of a position that come in and that go out."""
    steps: tuple[Step, ...]
    """After each level."""
    reduction: int
    """Positions of the video for each of its first level."""
    frames: int = 1
    """Frames of the video for each of its first level."""
    attends: bool = True
    """Whether there is attention in the middle."""
    folds: bool = False
    """A step puts positions into the values of one, or takes them from there, after or before its convolution."""

    @property
    def decodes(self) -> bool:
        return self.path == "decoder"

    @property
    def way(self) -> str:
        return "up" if self.decodes else "down"

    def layers(self) -> tuple[Layer, ...]:
        """All of it; the middle is after the levels of an encoder, and before those of a decoder."""
        first, last = self.widths[0], self.widths[-1]
        sizes = self._sizes()
        begin = sizes[0].layer(self.path, (self.conv("conv_in", self.ends[0], first),))
        end = sizes[-1].layer(self.path, (*self.last_norm(last), self.conv("conv_out", last, self.ends[1])))
        if self.decodes:
            return (begin, *self._middle(first, sizes[0]), *self._levels(sizes), end)
        return (begin, *self._levels(sizes), *self._middle(last, sizes[-1]), end)

    def _sizes(self) -> list[Size]:
        """Of every level, and after the last."""

        def along(first: int, factors: list[int]) -> list[int]:
            if not self.decodes:
                return list(accumulate(factors, mul, initial=first))
            return list(accumulate(factors, lambda reduction, factor: max(1, reduction // factor), initial=first))

        positions = along(self.reduction, [step.positions for step in self.steps])
        return list(map(Size, positions, along(self.frames, [step.frames for step in self.steps])))

    def _levels(self, sizes: list[Size]) -> tuple[Layer, ...]:
        found: list[Layer] = []
        inputs = self.widths[0]
        for level, (width, step) in enumerate(zip(self.widths, self.steps, strict=True)):
            for number in range(self.blocks):
                operators = self.residual(inputs if number == 0 else width, width)
                found.append(sizes[level].layer(self.block_path(level, number), operators))
            inputs = width
            if step.positions > 1:
                inputs = self.handed_on(level)
                # what an encoder hands on is fewer positions, what a decoder does is more of them
                if more := self.more_frames(level, step):
                    found.append(sizes[level].layer(self.step_path(level), more))
                size = sizes[level if self.folds else level + 1]
                found.append(size.layer(self.step_path(level), self.resample(level, step)))
        return tuple(found)

    def _middle(self, width: int, size: Size) -> tuple[Layer, ...]:
        path = f"{self.path}.mid_block"
        attention: tuple[Layer, ...] = ()
        if self.attends:
            attention = (size.layer(f"{path}.attentions.0", self.attention(width)),)
        first, second = (size.layer(f"{path}.resnets.{number}", self.residual(width, width)) for number in range(2))
        return (first, *attention, second)

    def block_path(self, level: int, number: int) -> str:
        return f"{self.path}.{self.way}_blocks.{level}.resnets.{number}"

    def step_path(self, level: int) -> str:
        return f"{self.path}.{self.way}_blocks.{level}.{self.way}samplers.0"

    def conv(self, name: str, inputs: int, outputs: int, kernel: int = 27) -> Convolution:
        """Inside a module that pads it so that no frame sees a later one."""
        return conv3d(f"{name}.conv", inputs, outputs, kernel)

    def shortcut(self, inputs: int, outputs: int) -> Convolution:
        return self.conv("conv_shortcut", inputs, outputs, 1)

    def norm(self, name: str, width: int) -> Operators:
        return group_norm(name, width)

    def last_norm(self, width: int) -> Operators:
        return self.norm("conv_norm_out", width)

    def residual(self, inputs: int, outputs: int) -> Operators:
        """Two convolutions beside a shortcut."""
        return (
            *self.norm("norm1", inputs),
            self.conv("conv1", inputs, outputs),
            *self.norm("norm2", outputs),
            self.conv("conv2", outputs, outputs),
            *((self.shortcut(inputs, outputs),) if inputs != outputs else ()),
        )

    def attention(self, width: int) -> Operators:
        raise NotImplementedError

    def resample(self, level: int, step: Step) -> Operators:
        raise NotImplementedError

    def more_frames(self, level: int, step: Step) -> Operators:
        """What makes more frames of a level's own, before its positions are more along the sides too."""
        return ()

    def handed_on(self, level: int) -> int:
        """Values of a position that a level hands on."""
        return self.widths[level]


def video_autoencoder(
    config: Config,
    halves: tuple[Half, Half],
    *,
    between: Operators,
    compression: Compression,
) -> Architecture:
    """The model around an encoder and a decoder; `between` is what stands on the latents. Positions are pixels."""
    encoder, decoder = halves
    return video_model(
        config,
        hidden=encoder.widths[0],
        stack=(
            *idle(encoder.layers()),
            Layer(path="", operators=between, reduction=decoder.reduction),
            *decoder.layers(),
        ),
        channels=encoder.ends[0],
        compression=compression,
    )


def video_model(
    config: Config, *, hidden: int, stack: tuple[Layer, ...], channels: int, compression: Compression
) -> Architecture:
    """An autoencoder of these layers."""
    latents = Latents(scale=1, channels=channels, passes=1, prompt=0, decodes=compression)
    return diffusion_model(config, hidden=hidden, first=(), stack=stack, last=(), latents=latents)
