"""The U-Net of Stable Diffusion 1 to XL, unCLIP, Kandinsky 2 and DeepFloyd: levels that attend the prompt."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Latents
from ._conditions import added_embedding, class_embedding, prompt_projection, step_embedding
from ._diffusion import MOST_BLOCKS, as_list, conv, diffusion_model, side_of
from ._unet import (
    CROSS,
    MIDDLES,
    PLAIN,
    RESNET,
    SIMPLE,
    UNet,
    kinds,
    optional_kind,
    prompted_levels,
    upward_depths,
    widths_of,
)

DOWN, UP = zip(PLAIN, CROSS, RESNET, SIMPLE, strict=True)


def build(config: Config) -> Architecture:
    down = kinds(config, "down_block_types", DOWN, (*[CROSS[0]] * 3, PLAIN[0]))
    up = kinds(config, "up_block_types", UP, (PLAIN[1], *[CROSS[1]] * 3))
    widths = widths_of(config, (320, 640, 1280, 1280), ("down_block_types", down), ("up_block_types", up))
    for field, plain in (("dual_cross_attention", False), ("attention_type", "default")):
        if config.values.get(field) not in (None, plain):
            raise ConfigError(
                f"The config's {field} is {shown(config.values[field])}, and only {plain!r} is described."
            )
    step = config.integer("time_embedding_dim", default=4 * widths[0])
    net = UNet(
        widths=widths,
        blocks=as_list(config, "layers_per_block", len(widths), 2, most=MOST_BLOCKS),
        step=2 * step if config.boolean("class_embeddings_concat", default=False) else step,
        scaled=config.text("resnet_time_scale_shift", default="default") == "scale_shift",
        down_resnets=tuple(kind in (RESNET[0], SIMPLE[0]) for kind in down),
        up_resnets=tuple(kind in (RESNET[1], SIMPLE[1]) for kind in up),
    )
    levels, after = prompted_levels(config, net, down), upward_depths(config, net)
    kind = optional_kind(config, "mid_block_type", MIDDLES)
    # null means what a single only_cross_attention says
    alone = config.values.get("mid_block_only_cross_attention", config.values.get("only_cross_attention")) is True
    central = replace(levels[-1], kind=kind, depths=levels[-1].depths[:1], only=alone and kind == MIDDLES[1])
    attention = central.layers("mid_block.attentions.0", 0)
    inputs = config.integer("in_channels", default=4)
    guided = config.has("time_cond_proj_dim")
    return diffusion_model(
        config,
        hidden=widths[0],
        first=(
            conv("conv_in", inputs, widths[0], config.integer("conv_in_kernel", default=3)),
            *step_embedding(config, widths[0], step),
            *prompt_projection(config, levels[0].prompt),
            *class_embedding(config, widths[0], step),
            *added_embedding(config, levels[0].prompt, step),
        ),
        stack=(
            *net.down(lambda level: levels[level].layers),
            *(net.middle(attention, 2 if attention else 1) if kind else ()),
            *net.up(lambda level, number: replace(levels[level], kind=up[number], depths=after[number]).layers),
        ),
        last=net.last(config.integer("out_channels", default=4), config.integer("conv_out_kernel", default=3)),
        latents=Latents(channels=inputs, passes=1 if guided else 2, learned_guidance=guided, side=side_of(config)),
        kept=widths[0],
    )
