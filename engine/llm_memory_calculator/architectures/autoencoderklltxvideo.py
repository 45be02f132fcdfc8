"""The autoencoder of LTX-Video: patches of 4 x 4 pixels, then levels of convolutions with norms that learn nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Compression
from ..operators import Convolution, Learned, Norm
from ._blocks import Operators
from ._diffusion import embedding, idle
from ._unet import widths_of
from ._video import Step, conv3d, counts, flags, video_model

_OLD, _NEW = "LTXVideoDownBlock3D", "LTXVideo095DownBlock3D"
_STEPS = {
    "conv": Step(frames=2, side=2),
    "spatial": Step(side=2),
    "temporal": Step(frames=2),
    "spatiotemporal": Step(frames=2, side=2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Residual blocks of a level."""

    timed: bool = False
    """Scaled and shifted by a step of denoising, which the decoder takes (0.9.1 and later)."""
    noisy: bool = False
    """Noise is added after each convolution, in learned amounts."""

    def block(self, inputs: int, outputs: int) -> Operators:
        shortcut = (Norm(name="norm3", width=inputs, bias=True), _causal("conv_shortcut", inputs, outputs, 1))
        return (
            *((Learned(name="scale_shift_table", size=4 * inputs),) if self.timed else ()),
            Norm(name="norm1", width=inputs, scaled=False),
            _causal("conv1", inputs, outputs),
            *((Learned(name="per_channel_scale1", size=inputs),) if self.noisy else ()),
            Norm(name="norm2", width=outputs, scaled=False),
            _causal("conv2", outputs, outputs),
            *((Learned(name="per_channel_scale2", size=inputs),) if self.noisy else ()),
            *(shortcut if inputs != outputs else ()),
        )

    def layers(
        self, path: str, width: int, count: int, reduction: int, *, before: int | None = None
    ) -> tuple[Layer, ...]:
        """Blocks of one width, after what embeds the step for all of them; `before` is the width that came in."""
        blocks = tuple(
            Layer(path=f"{path}.resnets.{number}", operators=self.block(width, width), reduction=reduction)
            for number in range(count)
        )
        if not self.timed:
            return blocks
        step = embedding("time_embedder.timestep_embedder", 256, 4 * (before or width))
        return (Layer(path=path, operators=step, reduction=reduction), *blocks)


def build(config: Config) -> Architecture:
    latent = config.integer("latent_channels", default=128)
    patch, frames = config.integer("patch_size", default=4, most=64), config.integer("patch_size_t", default=1, most=64)
    if frames != 1:
        raise ConfigError(f"The config's patch_size_t is {frames}, and only 1 is described.")
    channels = [config.integer(f"{name}_channels", default=3) * patch**2 for name in ("in", "out")]
    encoder, reduction, down = _encoder(config, channels[0], latent, patch**2)
    decoder = _decoder(config, latent, channels[1], reduction)
    statistics = tuple(Learned(name=f"latents_{name}", size=latent, trained=False) for name in ("mean", "std"))
    side, times = patch, 1
    for step in down:
        side, times = side * step.side, times * step.frames
    return video_model(
        config,
        hidden=encoder[0].operators[0].filters,
        stack=(*idle(encoder), Layer(path="", operators=statistics, reduction=reduction), *decoder),
        channels=channels[0] // patch**2,
        compression=Compression(side, times),
    )


def _causal(name: str, inputs: int, outputs: int, kernel: int = 27) -> Convolution:
    """Inside a module that pads it so that no frame sees a later one."""
    return conv3d(f"{name}.conv", inputs, outputs, kernel)


def _encoder(config: Config, inputs: int, latent: int, reduction: int) -> tuple[list[Layer], int, list[Step]]:
    """Its layers, the positions of the video for each that it gives, and the steps to it."""
    widths = widths_of(config, (128, 256, 512, 512))
    kinds = config.values.get("down_block_types")
    # older configs state none
    newer = isinstance(kinds, (list, tuple)) and bool(kinds) and kinds[-1] == _NEW
    depth = len(widths) - 1 if newer else len(widths)
    if kinds is not None:
        config.names("down_block_types", (_NEW if newer else _OLD,), depth)
    if depth < 1:
        raise ConfigError(f"The config's block_out_channels must have two widths at least, and is {shown(widths)}.")
    blocks = counts(config, "layers_per_block", depth + 1, (4, 3, 3, 3, 4), most=100)
    scaling = flags(config, "spatio_temporal_scaling", depth, (True, True, True, False))
    ways = ("conv",) * depth
    if newer:
        ways = config.names("downsample_type", tuple(_STEPS), depth)
    residuals, path = Residuals(), "encoder"
    found = [Layer(path=path, operators=(_causal("conv_in", inputs, widths[0]),), reduction=reduction)]
    steps, width = [], widths[0]
    for level in range(depth):
        place = f"{path}.down_blocks.{level}"
        after = widths[min(level + 1, len(widths) - 1)]
        found += residuals.layers(place, width, blocks[level], reduction)
        if scaling[level]:
            step = _STEPS[ways[level]]
            # what goes beside each other is folded into the values
            made = width if ways[level] == "conv" else after // step.positions
            sampled = _causal("downsamplers.0" if ways[level] == "conv" else "downsamplers.0.conv", width, made)
            reduction *= step.positions
            steps.append(step)
            found.append(Layer(path=place, operators=(sampled,), reduction=reduction))
        if not newer and after != width:
            found.append(Layer(path=f"{place}.conv_out", operators=residuals.block(width, after), reduction=reduction))
        width = after
    found += residuals.layers(f"{path}.mid_block", width, blocks[-1], reduction)
    found.append(Layer(path=path, operators=(_causal("conv_out", width, latent + 1),), reduction=reduction))
    return found, reduction, steps


def _decoder(config: Config, latent: int, outputs: int, reduction: int) -> list[Layer]:
    widths = config.integers("decoder_block_out_channels", default=(128, 256, 512, 512), least=1)[::-1]
    depth = len(widths)
    if not widths:
        raise ConfigError("The config's decoder_block_out_channels must name a width for each level, and is empty.")
    blocks = counts(config, "decoder_layers_per_block", depth + 1, (4, 3, 3, 3, 4), most=100)[::-1]
    scaling = flags(config, "decoder_spatio_temporal_scaling", depth, (True, True, True, False))[::-1]
    noisy = flags(config, "decoder_inject_noise", depth + 1, (False,) * (depth + 1))[::-1]
    factors = counts(config, "upsample_factor", depth, (1,) * depth, most=64)[::-1]
    timed = config.boolean("timestep_conditioning", default=False)
    residuals, path = Residuals(timed=timed), "decoder"
    width = widths[0]
    found = [Layer(path=path, operators=(_causal("conv_in", latent, width),), reduction=reduction)]
    found += replace(residuals, noisy=noisy[0]).layers(f"{path}.mid_block", width, blocks[0], reduction)
    for level in range(depth):
        place, of_level = f"{path}.up_blocks.{level}", replace(residuals, noisy=noisy[level + 1])
        before, after = width // factors[level], widths[level] // factors[level]
        if before != after:
            found.append(Layer(path=f"{place}.conv_in", operators=of_level.block(before, after), reduction=reduction))
        if scaling[level]:
            wide, step = after * factors[level], _STEPS["spatiotemporal"]
            made = wide * step.positions // factors[level]
            found.append(
                Layer(path=f"{place}.upsamplers.0", operators=(_causal("conv", wide, made),), reduction=reduction)
            )
            reduction = max(1, reduction // step.positions)
        found += of_level.layers(place, after, blocks[level + 1], reduction, before=before)
        width = after
    ending: Operators = ()
    if timed:
        ending = (
            Learned(name="timestep_scale_multiplier", size=1),
            *embedding("time_embedder.timestep_embedder", 256, 2 * width),
            Learned(name="scale_shift_table", size=2 * width),
        )
    found.append(
        Layer(
            path=path,
            operators=(*ending, Norm(name="norm_out", width=width, scaled=False), _causal("conv_out", width, outputs)),
            reduction=reduction,
        )
    )
    return found
