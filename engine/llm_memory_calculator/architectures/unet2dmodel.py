"""A U-Net that attends no prompt: unconditional models, and the enlarging ones of unCLIP."""

from ..architecture import Architecture
from ..config import Config
from ..images import Latents
from ._conditions import class_embedding, step_embedding
from ._diffusion import MOST_BLOCKS, as_list, conv, diffusion_model, side_of
from ._unet import (
    ATTENDING,
    PLAIN,
    RESNET,
    UNet,
    kinds,
    level_attention,
    no_attention,
    optional_kind,
    widths_of,
)

DOWN, UP = zip(PLAIN, RESNET, ATTENDING, strict=True)


def build(config: Config) -> Architecture:
    down = kinds(config, "down_block_types", DOWN, (PLAIN[0], *[ATTENDING[0]] * 3))
    up = kinds(config, "up_block_types", UP, (*[ATTENDING[1]] * 3, PLAIN[1]))
    widths = widths_of(config, (224, 448, 672, 896), ("down_block_types", down), ("up_block_types", up))
    step = config.integer("time_embedding_dim", default=4 * widths[0])
    net = UNet(
        widths=widths,
        blocks=as_list(config, "layers_per_block", len(widths), 2, most=MOST_BLOCKS),
        step=step,
        scaled=config.text("resnet_time_scale_shift", default="default") == "scale_shift",
        down_resnets=tuple(kind == RESNET[0] for kind in down),
        up_resnets=tuple(kind == RESNET[1] for kind in up),
    )
    # null means one head
    single = "attention_head_dim" in config.values and not config.has("attention_head_dim")
    head = None if single else config.integer("attention_head_dim", default=8)
    attentions = [level_attention(width, head or width, 4**level) for level, width in enumerate(widths)]
    # diffusers makes no norm for it where the step scales, unless its groups are stated
    normed = not net.scaled or config.has("attn_norm_num_groups")
    central = level_attention(widths[-1], head or widths[-1], 4**net.top, normed=normed)
    if not config.boolean("add_attention", default=True):
        central = no_attention
    inputs = config.integer("in_channels", default=3)
    return diffusion_model(
        config,
        hidden=widths[0],
        first=(
            conv("conv_in", inputs, widths[0]),
            *step_embedding(config, widths[0], step),
            *class_embedding(config, widths[0], step),
        ),
        stack=(
            *net.down(lambda level: attentions[level] if down[level] == ATTENDING[0] else no_attention),
            *(
                net.middle(central("mid_block.attentions.0", 0), 2)
                if optional_kind(config, "mid_block_type", ("UNetMidBlock2D",))
                else ()
            ),
            *net.up(lambda level, number: attentions[level] if up[number] == ATTENDING[1] else no_attention),
        ),
        last=net.last(config.integer("out_channels", default=3)),
        latents=Latents(scale=1, channels=inputs, passes=1, side=side_of(config)),
        kept=widths[0],
    )
