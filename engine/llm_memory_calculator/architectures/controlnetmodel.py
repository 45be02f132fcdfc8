"""A ControlNet of Stable Diffusion: the way down of its U-Net once more, whose results are handed to the U-Net's."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..images import Latents
from ._conditions import added_embedding, class_embedding, prompt_projection, step_embedding
from ._diffusion import MOST_BLOCKS, as_list, conv, diffusion_model
from ._unet import (
    CROSS,
    MIDDLES,
    PLAIN,
    UNet,
    hint_embedding,
    kinds,
    optional_kind,
    prompted_levels,
    widths_of,
)

DOWN = (PLAIN[0], CROSS[0])


def build(config: Config) -> Architecture:
    down = kinds(config, "down_block_types", DOWN, (*[CROSS[0]] * 3, PLAIN[0]))
    widths = widths_of(config, (320, 640, 1280, 1280), ("down_block_types", down))
    step = 4 * widths[0]
    net = UNet(
        widths=widths,
        blocks=as_list(config, "layers_per_block", len(widths), 2, most=MOST_BLOCKS),
        step=step,
        scaled=config.text("resnet_time_scale_shift", default="default") == "scale_shift",
        down_resnets=(False,) * len(widths),
        up_resnets=(),
    )
    levels = prompted_levels(config, net, down)
    kind = optional_kind(config, "mid_block_type", (MIDDLES[0], MIDDLES[2]))
    attention = replace(levels[-1], kind=kind, depths=levels[-1].depths[:1]).layers("mid_block.attentions.0", 0)
    inputs, hint = config.integer("in_channels", default=4), "controlnet_cond_embedding"
    hint_widths = config.integers("conditioning_embedding_out_channels", default=(16, 32, 96, 256), least=1) or (1,)
    return diffusion_model(
        config,
        hidden=widths[0],
        first=(
            conv("conv_in", inputs, widths[0]),
            *step_embedding(config, widths[0], step),
            *prompt_projection(config, levels[0].prompt),
            *class_embedding(config, widths[0], step),
            *added_embedding(config, levels[0].prompt, step),
        ),
        stack=(
            # at the size of the image, which is eight times that of the latents along a side: counted at the latents'
            Layer(
                path="",
                operators=hint_embedding(
                    hint, config.integer("conditioning_channels", default=3), hint_widths, widths[0]
                ),
            ),
            *net.down(lambda level: levels[level].layers),
            *(net.middle(attention, 2 if attention else 1) if kind else ()),
            *_handed(net),
        ),
        last=(),
        latents=Latents(channels=inputs),
        kept=widths[0],
    )


def _handed(net: UNet) -> tuple[Layer, ...]:
    """A convolution for everything that the way down keeps, and for the middle."""
    levels = [(0, net.widths[0])]
    for level, (width, blocks) in enumerate(zip(net.widths, net.blocks, strict=True)):
        levels += [(level, width)] * blocks
        if level < net.top:
            levels.append((level + 1, width))
    path = "controlnet_down_blocks"
    return (
        *(
            Layer(path=path, operators=(conv(str(number), width, width, 1),), reduction=4**level)
            for number, (level, width) in enumerate(levels)
        ),
        Layer(
            path="",
            operators=(conv("controlnet_mid_block", net.widths[-1], net.widths[-1], 1),),
            reduction=4**net.top,
            kept=net.widths[-1],
        ),
    )
