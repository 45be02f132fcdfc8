"""U-Nets and autoencoders: levels of residual blocks, each at half the side of the one before, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..architecture import Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import BidirectionalAttention, Norm, Part
from ._blocks import Operators, equal_heads, plain
from ._diffusion import MOST_LEVELS, as_list, conv, of_prompt, positions_attention, prompted_block, residual

_MOST_TRANSFORMERS = 100
"""Transformer blocks after one residual block."""

Attend = Callable[[str, int], tuple[Layer, ...]]
"""The layers of attention after one residual block, by their path and the number of the block in its level."""

Block = Callable[[int, int], Operators]
"""A residual block from so many channels to so many, in place of the usual one."""


def no_attention(_path: str, _number: int) -> tuple[Layer, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a U-Net on its way down or up."""

    path: str
    inputs: int
    width: int
    blocks: int
    reduction: int
    """Positions at full size for each of this level."""
    step: int | None = None
    """Width of the step's embedding; None: an autoencoder."""
    scaled: bool = False
    spatial: int | None = None
    attend: Attend = no_attention
    resamples: bool = False
    """Whether it hands on at half or twice the side."""
    residual_resampling: bool = False
    """It does that in a residual block, and not in a convolution."""
    block: Block | None = None

    def residual(self, inputs: int, outputs: int) -> Operators:
        if self.block is not None:
            return self.block(inputs, outputs)
        return residual(inputs, outputs, step=self.step, scaled=self.scaled, spatial=self.spatial)

    def down(self) -> tuple[Layer, ...]:
        """Residual blocks, each kept for the way up, then half the side."""
        found: list[Layer] = []
        for number in range(self.blocks):
            operators = self.residual(self.width if number else self.inputs, self.width)
            found += self._block(number, operators, kept=0 if self.step is None else self.width)
        name, below = "downsamplers.0", 4 * self.reduction
        if self.resamples and self.residual_resampling:
            found.append(self._layer(name, self.residual(self.width, self.width), kept=self.width, reduction=below))
        elif self.resamples:
            kept = 0 if self.step is None else self.width
            found.append(self._layer(name, (conv("conv", self.width, self.width),), kept=kept, reduction=below))
        return tuple(found)

    def up(self, skips: tuple[int, ...] = ()) -> tuple[Layer, ...]:
        """Residual blocks, each after what was kept (`skips` wide) is put beside its input, then twice the side."""
        found: list[Layer] = []
        for number in range(self.blocks):
            beside = skips[number] if skips else 0
            found += self._block(number, self.residual((self.width if number else self.inputs) + beside, self.width))
        reduction = max(1, self.reduction // 4)
        if self.resamples and self.residual_resampling:
            found.append(self._layer("upsamplers.0", self.residual(self.width, self.width), reduction=reduction))
        elif self.resamples:
            found.append(self._layer("upsamplers.0", (conv("conv", self.width, self.width),), reduction=reduction))
        return tuple(found)

    def _block(self, number: int, operators: Operators, kept: int = 0) -> list[Layer]:
        attention = self.attend(f"{self.path}.attentions.{number}", number)
        return [self._layer(f"resnets.{number}", operators, kept=kept), *attention]

    def _layer(self, name: str, operators: Operators, *, kept: int = 0, reduction: int | None = None) -> Layer:
        return Layer(
            path=f"{self.path}.{name}",
            operators=operators,
            reduction=self.reduction if reduction is None else reduction,
            kept=kept,
        )


def level_attention(
    width: int, head: int, reduction: int, spatial: int | None = None, *, normed: bool = True
) -> Attend:
    """Attention of a level's positions to each other after each of its blocks."""
    operators = positions_attention(width, head, spatial, normed=normed)
    return lambda path, _: (Layer(path=path, operators=operators, reduction=reduction),)


def middle(
    path: str,
    width: int,
    reduction: int,
    attention: tuple[Layer, ...],
    *,
    step: int | None = None,
    scaled: bool = False,
    spatial: int | None = None,
    blocks: int = 2,
    block: Block | None = None,
) -> tuple[Layer, ...]:
    """Residual blocks at the smallest size, with attention after the first."""
    operators = residual(width, width, step=step, scaled=scaled, spatial=spatial)
    if block is not None:
        operators = block(width, width)
    first, *rest = (
        Layer(path=f"{path}.resnets.{number}", operators=operators, reduction=reduction) for number in range(blocks)
    )
    return (first, *attention, *rest)


def hint_embedding(path: str, inputs: int, widths: Sequence[int], outputs: int) -> Operators:
    """Convolutions from the pixels of an image that controls to the size of the latents (ControlNet)."""
    pairs = [(before, width) for before, after in pairwise(widths) for width in (before, after)]
    return (
        conv(f"{path}.conv_in", inputs, widths[0]),
        *(conv(f"{path}.blocks.{number}", before, after) for number, (before, after) in enumerate(pairs)),
        conv(f"{path}.conv_out", widths[-1], outputs),
    )


def kinds(config: Config, name: str, accepted: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    """The types of the blocks of all levels, as many as there are widths."""
    if not config.has(name):
        config.note(name, f"Absent; the family's default {list(default)} was taken.", "default")
        return default
    value = config.values[name]
    length = len(value) if isinstance(value, (list, tuple)) else 0
    return config.names(name, accepted, length)


def widths_of(config: Config, default: tuple[int, ...], *names: tuple[str, tuple[str, ...]]) -> tuple[int, ...]:
    """block_out_channels, of which there must be as many as types of blocks in each of `names`."""
    widths = config.integers("block_out_channels", default=default, least=1)
    for name, found in names:
        if len(found) != len(widths) or not 1 <= len(widths) <= MOST_LEVELS:
            raise ConfigError(
                f"The config's {config.where}{name} has {len(found)} entries, and block_out_channels has "
                f"{len(widths)}; both must say what each level is, of {MOST_LEVELS} at most."
            )
    return widths


PLAIN, CROSS = ("DownBlock2D", "UpBlock2D"), ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D")
RESNET = ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D")
SIMPLE = ("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D")
ATTENDING = ("AttnDownBlock2D", "AttnUpBlock2D")
MIDDLES = ("UNetMidBlock2DCrossAttn", "UNetMidBlock2DSimpleCrossAttn", "UNetMidBlock2D")


@dataclass(frozen=True, slots=True, kw_only=True)
class UNet:
    """What all levels of a denoiser share: their widths and depths, and the embedding of the step."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    """Residual blocks of each level on the way down; one more on the way up."""
    step: int
    """Width of the step's embedding."""
    scaled: bool
    """The step scales too, and not only shifts."""
    down_resnets: tuple[bool, ...]
    """Which levels hand on in a residual block on the way down."""
    up_resnets: tuple[bool, ...]
    block: Block | None = None

    @property
    def top(self) -> int:
        return len(self.widths) - 1

    def down(self, attend: Callable[[int], Attend]) -> tuple[Layer, ...]:
        """All levels on the way down; attend(level) gives a level's attention."""
        found: tuple[Layer, ...] = ()
        for level, width in enumerate(self.widths):
            found += Level(
                path=f"down_blocks.{level}",
                inputs=self.widths[max(0, level - 1)],
                width=width,
                blocks=self.blocks[level],
                reduction=4**level,
                step=self.step,
                scaled=self.scaled,
                attend=attend(level),
                resamples=level < self.top,
                residual_resampling=self.down_resnets[level],
                block=self.block,
            ).down()
        return found

    def middle(self, attention: tuple[Layer, ...], blocks: int) -> tuple[Layer, ...]:
        """The smallest level, with attention after its first block."""
        width, reduction = self.widths[-1], 4**self.top
        return middle(
            "mid_block",
            width,
            reduction,
            attention,
            step=self.step,
            scaled=self.scaled,
            blocks=blocks,
            block=self.block,
        )

    def up(self, attend: Callable[[int, int], Attend]) -> tuple[Layer, ...]:
        """All levels on the way up, the smallest first; attend(level, number) gives the attention of the number-th."""
        found: tuple[Layer, ...] = ()
        inputs = self.widths[-1]
        for number, width in enumerate(reversed(self.widths)):
            level = self.top - number
            blocks = self.blocks[level] + 1
            found += Level(
                path=f"up_blocks.{number}",
                inputs=inputs,
                width=width,
                blocks=blocks,
                reduction=4**level,
                step=self.step,
                scaled=self.scaled,
                attend=attend(level, number),
                resamples=level > 0,
                residual_resampling=self.up_resnets[number],
                block=self.block,
            ).up((*[width] * (blocks - 1), self.widths[max(0, level - 1)]))
            inputs = width
        return found

    def last(self, outputs: int, side: int = 3) -> Operators:
        width = self.widths[0]
        return (Norm(name="conv_norm_out", width=width, bias=True), conv("conv_out", width, outputs, side))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """How one level attends the prompt, by the type of its blocks."""

    kind: str
    width: int
    heads: int
    """Heads, or in the simple types of block the values of one: both stand in the same field of a config."""
    prompt: int
    """Width of what is attended."""
    depths: tuple[int, ...]
    """Transformer blocks after each residual block."""
    only: bool
    """The image's positions attend only the prompt, and not each other."""
    matrices: bool
    """Matrices before and after the transformer blocks, and not convolutions."""
    norm: str
    reduction: int

    def layers(self, path: str, number: int) -> tuple[Layer, ...]:
        if self.kind in (*SIMPLE, MIDDLES[1]):
            return (Layer(path=path, operators=self._simple(), reduction=self.reduction),)
        return self._transformer(path, self.depths[number]) if self.kind in (*CROSS, MIDDLES[0]) else ()

    def _transformer(self, path: str, depth: int) -> tuple[Layer, ...]:
        before, after = (
            plain(name, self.width, self.width, bias=True) if self.matrices else conv(name, self.width, self.width, 1)
            for name in ("proj_in", "proj_out")
        )
        block = prompted_block(
            self.width, equal_heads(self.width, self.heads), prompt=self.prompt, only_prompt=self.only
        )
        norm = Norm(name="norm", width=self.width, bias=True)
        return (
            Layer(path=path, operators=(norm, before), reduction=self.reduction),
            Layer(
                path=f"{path}.transformer_blocks.{{index}}",
                operators=block,
                indices=tuple(range(depth)),
                reduction=self.reduction,
            ),
            Layer(path=path, operators=(after,), reduction=self.reduction),
        )

    def _simple(self) -> Operators:
        """One attention to the image's positions and the prompt's alike."""
        count = max(1, self.width // self.heads)
        inner = count * self.heads
        pair: tuple[Part, Part] = ("k", "v")
        own = () if self.only else [plain(f"to_{part}", inner, self.width, bias=True, part=part) for part in pair]
        normed = {"layer_norm": self.width, "group_norm": self.prompt}.get(self.norm)
        return (
            Norm(name="group_norm", width=self.width, bias=True),
            *(() if normed is None else (Norm(name="norm_cross", width=normed, bias=True),)),
            plain("to_q", inner, self.width, bias=True, part="q"),
            *own,
            *(of_prompt(f"add_{part}_proj", inner, self.prompt, part) for part in pair),
            BidirectionalAttention(name="", heads=count, head_dim=self.heads),
            plain("to_out.0", self.width, inner, bias=True, part="out"),
        )


def prompted_levels(config: Config, net: UNet, down: tuple[str, ...]) -> list[Prompted]:
    """How each level attends the prompt on the way down."""
    count = len(net.widths)
    heads = as_list(config, "attention_head_dim", count, 8)
    prompts = as_list(config, "cross_attention_dim", count, 1280)
    depths = depths_of(config, "transformer_layers_per_block", net.blocks)
    only = _flags(config, "only_cross_attention", count)
    matrices = config.boolean("use_linear_projection", default=False)
    norm = config.text("cross_attention_norm") if config.has("cross_attention_norm") else ""
    if norm not in ("", "layer_norm", "group_norm"):
        raise ConfigError(
            f"The config's cross_attention_norm must be null, 'layer_norm' or 'group_norm', and is {shown(norm)}."
        )
    return [
        Prompted(
            kind=down[level],
            width=width,
            heads=heads[level],
            prompt=prompts[level],
            depths=depths[level],
            only=only[level],
            matrices=matrices,
            norm=norm,
            reduction=4**level,
        )
        for level, width in enumerate(net.widths)
    ]


def upward_depths(config: Config, net: UNet) -> list[tuple[int, ...]]:
    """Transformer blocks after each residual block of each level on the way up, the smallest level first."""
    blocks = [one + 1 for one in net.blocks]
    field = "reverse_transformer_layers_per_block"
    if config.has(field):
        return depths_of(config, field, blocks[::-1])
    return depths_of(config, "transformer_layers_per_block", blocks)[::-1]


def depths_of(config: Config, name: str, blocks: Sequence[int]) -> list[tuple[int, ...]]:
    """Transformer blocks after each residual block of each level: a number for all, for a level, or for each."""
    value = config.values.get(name)
    if not isinstance(value, (list, tuple)):
        depth = config.integer(name, default=1, most=_MOST_TRANSFORMERS)
        return [(depth,) * count for count in blocks]
    found = [tuple(entry) if isinstance(entry, (list, tuple)) else entry for entry in value]
    spread = [
        entry if isinstance(entry, tuple) else (entry,) * count for entry, count in zip(found, blocks, strict=False)
    ]
    if len(found) != len(blocks) or any(
        len(entry) != count or not all(isinstance(one, int) and 0 <= one <= _MOST_TRANSFORMERS for one in entry)
        for entry, count in zip(spread, blocks, strict=True)
    ):
        raise ConfigError(
            f"The config's {config.where}{name} must be a number, or for each of its {len(blocks)} levels a number or "
            f"one for each of the level's blocks ({', '.join(map(str, blocks))}), and is {shown(value)}."
        )
    return spread


def _flags(config: Config, name: str, count: int) -> tuple[bool, ...]:
    """Yes or no for each level, or one for all."""
    value = config.values.get(name)
    if not isinstance(value, (list, tuple)):
        return (config.boolean(name, default=False),) * count
    if len(value) != count or not all(isinstance(one, bool) for one in value):
        raise ConfigError(
            f"The config's {config.where}{name} must be true, false or one of them for each of its {count} levels, and "
            f"is {shown(value)}."
        )
    return tuple(value)


def optional_kind(config: Config, name: str, accepted: Sequence[str]) -> str:
    """One of the accepted words, nothing where the config says null, and the first one where it says nothing."""
    if name in config.values and config.values[name] is None:
        return ""
    found = config.text(name, default=accepted[0])
    if found not in accepted:
        raise ConfigError(
            f"The config's {config.where}{name} must be null or one of {', '.join(accepted)}, and is {shown(found)}."
        )
    return found
