"""Stable Cascade's U-Net, of prior and decoder: depthwise blocks, the step's scales, attention to the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Latents
from ..operators import Activation, Convolution, Learned, Norm
from ._blocks import Operators, equal_heads, grouped, plain
from ._diffusion import PROJECTIONS, channels_out, conv, diffusion_model, of_image, of_prompt
from ._encoders import encoder_attention
from ._video import counts, flags

RES, STEP, ATTEND = "SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"
# pixels along a side of a position of the prior's, whose pipeline makes 24 x 24 of them for 1024 pixels; the decoder's
# are four pixels
PRIOR_SCALE, DECODER_SCALE = 43, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """What the blocks of all levels share."""

    prompt: int
    """Width of what is attended."""
    step: int
    """Width of the step's embedding."""
    conditions: tuple[str, ...]
    """What else scales beside the step."""
    kernel: int

    def block(self, kind: str, width: int, heads: int, beside: int) -> Operators:
        """beside: values of a skip connection that come in too."""
        if kind == RES:
            inner = 4 * width
            return (
                Convolution(name="depthwise", inputs=width, outputs=width, kernel=self.kernel**2, groups=width),
                Norm(name="norm", width=width, scaled=False),
                plain("channelwise.0", inner, width + beside, bias=True, part="up"),
                Activation(name="channelwise.act", width=inner, gated=False),
                Learned(name="channelwise.2.gamma", size=inner),
                Learned(name="channelwise.2.beta", size=inner),
                plain("channelwise.4", width, inner, bias=True, part="down"),
            )
        if kind == STEP:
            return tuple(
                of_image(name, 2 * width, self.step)
                for name in ("mapper", *(f"mapper_{condition}" for condition in self.conditions))
            )
        return (
            of_prompt("kv_mapper.1", width, self.prompt),
            Norm(name="norm", width=width, scaled=False),
            *encoder_attention(width, equal_heads(width, heads), path="attention", names=PROJECTIONS, bias=True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of the way down and of the way up."""

    width: int
    heads: int
    kinds: tuple[str, ...]
    """Of the blocks, which are repeated."""
    reduction: int
    """Positions at full size for each of this level."""
    skips: bool
    """What it hands down is taken once more on the way up."""

    def layers(self, shape: Cascade, path: str, repeats: int, *, rises: bool) -> list[Layer]:
        """All blocks, those of the way down keeping what the way up takes."""

        def block(kind: tuple[str, int]) -> Operators:
            return shape.block(kind[0], self.width, self.heads, kind[1])

        beside = self.width if rises and self.skips else 0
        kinds = [(kind, 0 if index else beside) for index, kind in enumerate(self.kinds * repeats)]
        found = [replace(layer, reduction=self.reduction) for layer in grouped(kinds, block, f"{path}.{{index}}")]
        if self.skips and not rises:
            found.append(Layer(path=path, operators=(), reduction=self.reduction, kept=self.width))
        return found

    def mappers(self, path: str, repeats: int) -> list[Layer]:
        """Convolutions between repetitions of the whole level."""
        mapped = tuple(conv(str(index), self.width, self.width, 1) for index in range(repeats - 1))
        return [Layer(path=path, operators=mapped, reduction=self.reduction)] if mapped else []


def build(config: Config) -> Architecture:
    levels, switched = _levels(config)
    depth, top = len(levels), levels[0].width
    prompt, sequence = config.integer("conditioning_dim", default=2048), config.integer("clip_seq", default=4)
    shape = Cascade(
        prompt=prompt,
        step=config.integer("timestep_ratio_embedding_dim", default=64),
        conditions=_words(config, "timestep_conditioning_type", ("sca", "crp")),
        kernel=config.integer("kernel_size", default=3, most=99),
    )
    times = {way: counts(config, f"{way}_num_layers_per_block", depth, _DEPTHS[way], most=1000) for way in _DEPTHS}
    mapped = {way: counts(config, f"{way}_blocks_repeat_mappers", depth, (1,) * depth, most=100) for way in _DEPTHS}
    stack: list[Layer] = []
    for number, level in enumerate(levels):
        if number:
            stack.append(_resampled("down", number, levels[number - 1], level, switched))
        stack += level.layers(shape, f"down_blocks.{number}", times["down"][number], rises=False)
        stack += level.mappers(f"down_repeat_mappers.{number}", mapped["down"][number])
    for number, level in enumerate(reversed(levels)):
        stack += level.layers(shape, f"up_blocks.{number}", times["up"][number], rises=True)
        stack += level.mappers(f"up_repeat_mappers.{number}", mapped["up"][number])
        if number < depth - 1:
            stack.append(_resampled("up", number, level, levels[depth - 2 - number], switched))
    patch, inputs = config.integer("patch_size", default=1, most=64), config.integer("in_channels", default=16)
    return diffusion_model(
        config,
        hidden=top,
        first=(
            conv("embedding.1", inputs * patch**2, top, 1),
            *_mapper(config, "effnet_in_channels", "effnet_mapper", top),
            *_mapper(config, "pixel_mapper_in_channels", "pixels_mapper", top),
            *_prompts(config, prompt, sequence),
        ),
        stack=tuple(stack),
        last=(
            Norm(name="clf.0", width=top, scaled=False),
            conv("clf.1", top, channels_out(config, inputs, 16) * patch**2, 1),
        ),
        latents=Latents(scale=PRIOR_SCALE if switched else DECODER_SCALE, patch=patch, channels=inputs),
    )


_DEPTHS = {"down": (8, 24), "up": (24, 8)}


def _levels(config: Config) -> tuple[list[Level], bool]:
    """The levels, and whether the config says which of them are smaller than the one before, as a prior's does."""
    widths = config.integers("block_out_channels", default=(2048, 2048), least=1)
    depth = len(widths)
    heads = config.integers("num_attention_heads", default=(32, 32))
    kinds = config.values.get("block_types_per_layer", [[RES, STEP, ATTEND]] * depth)
    if not depth or len(heads) != depth or not isinstance(kinds, (list, tuple)) or len(kinds) != depth:
        raise ConfigError(
            f"The config's {config.where}block_out_channels, num_attention_heads and block_types_per_layer must have "
            "an entry for each level."
        )
    for blocks in kinds:
        if (
            not isinstance(blocks, (list, tuple))
            or not blocks
            or any(kind not in (RES, STEP, ATTEND) for kind in blocks)
        ):
            raise ConfigError(
                f"The config's {config.where}block_types_per_layer must have a list of {RES}, {STEP} or {ATTEND} for "
                f"each level, and has {shown(blocks)}."
            )
    switched = config.has("switch_level")
    smaller = flags(config, "switch_level", depth - 1, ()) if switched else (True,) * (depth - 1)
    found, reduction = [], 1
    for level in range(depth):
        reduction *= 4 if level and smaller[level - 1] else 1
        found.append(
            Level(
                width=widths[level],
                # -1 or 0 where a level does not attend
                heads=max(1, heads[level]),
                kinds=tuple(kinds[level]),
                reduction=reduction,
                skips=level < depth - 1,
            )
        )
    return found, switched


def _words(config: Config, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = config.values.get(name, default)
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"The config's {config.where}{name} must be a list of names, and is {shown(value)}.")
    return tuple(value)


def _resampled(way: str, number: int, before: Level, after: Level, switched: bool) -> Layer:
    """To another level: over 2 x 2 positions, or by 1 x 1 beside an interpolation."""
    place = "1" if not switched else f"1.blocks.{0 if way == 'down' else 1}"
    return Layer(
        path=f"{way}_{way}scalers.{number}",
        operators=(
            Norm(name="0", width=before.width, scaled=False),
            conv(place, before.width, after.width, 1 if switched else 2),
        ),
        reduction=after.reduction,
    )


def _mapper(config: Config, field: str, path: str, width: int) -> Operators:
    """From what else is given, the prior's result or pixels, to the values of a position."""
    given = config.optional_integer(field)
    return () if given is None else (conv(f"{path}.0", given, 4 * width, 1), conv(f"{path}.2", 4 * width, width, 1))


def _prompts(config: Config, prompt: int, sequence: int) -> Operators:
    """From the encoded prompt and images to what is attended; pooled ones stand for several positions."""
    text, image = (config.optional_integer(f"clip_{name}_in_channels") for name in ("text", "image"))
    pooled = config.integer("clip_text_pooled_in_channels", default=1280)
    return (
        of_image("clip_txt_pooled_mapper", prompt * sequence, pooled),
        *(() if text is None else (of_prompt("clip_txt_mapper", prompt, text),)),
        *(() if image is None else (of_image("clip_img_mapper", prompt * sequence, image),)),
    )
