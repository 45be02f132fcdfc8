"""The U-Net of Stable Video Diffusion: from an image to a video, each block with one over frames beside it."""

from functools import partial

from ..architecture import Architecture, Layer
from ..config import Config
from ..images import Latents
from ._blocks import equal_heads
from ._conditions import step_embedding
from ._diffusion import MOST_BLOCKS, as_list, conv, diffusion_model, embedding
from ._frames import mixed_residual, mixed_transformer
from ._unet import Attend, UNet, depths_of, kinds, no_attention, widths_of

DOWN = ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal")
UP = ("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal")
# height and width of the pipeline; the prompt is one encoded image
SIZE, PROMPT = (576, 1024), 1


def build(config: Config) -> Architecture:
    down = kinds(config, "down_block_types", DOWN, (*[DOWN[0]] * 3, DOWN[1]))
    up = kinds(config, "up_block_types", UP, (UP[1], *[UP[0]] * 3))
    widths = widths_of(config, (320, 640, 1280, 1280), ("down_block_types", down), ("up_block_types", up))
    depth, step = len(widths), 4 * widths[0]
    net = UNet(
        widths=widths,
        blocks=as_list(config, "layers_per_block", depth, 2, most=MOST_BLOCKS),
        step=step,
        scaled=False,
        down_resnets=(False,) * depth,
        up_resnets=(False,) * depth,
        block=partial(mixed_residual, step=step),
    )
    counts = as_list(config.filled(num_attention_heads=[5, 10, 20, 20]), "num_attention_heads", depth, 8)
    prompts = as_list(config, "cross_attention_dim", depth, 1024)
    # one more block on the way up, as deep as the others
    depths = depths_of(config, "transformer_layers_per_block", [blocks + 1 for blocks in net.blocks])
    inputs = config.integer("in_channels", default=8)

    def attend(level: int) -> Attend:
        width, heads = widths[level], equal_heads(widths[level], counts[level])

        def layers(path: str, number: int) -> tuple[Layer, ...]:
            return mixed_transformer(
                path, width, heads, prompt=prompts[level], depth=depths[level][number], reduction=4**level
            )

        return layers

    return diffusion_model(
        config,
        hidden=widths[0],
        first=(
            conv("conv_in", inputs, widths[0]),
            *step_embedding(config, widths[0], step),
            *embedding("add_embedding", config.integer("projection_class_embeddings_input_dim", default=768), step),
        ),
        stack=(
            *net.down(lambda level: attend(level) if down[level] == DOWN[0] else no_attention),
            *net.middle(attend(net.top)("mid_block.attentions.0", 0), 2),
            *net.up(lambda level, number: attend(level) if up[number] == UP[0] else no_attention),
        ),
        last=net.last(config.integer("out_channels", default=4)),
        latents=Latents(
            # the image that is given is the other half
            channels=max(1, inputs // 2),
            prompt=PROMPT,
            frames=config.integer("num_frames", default=25, most=100_000),
            size_of_pipeline=SIZE,
        ),
        kept=widths[0],
    )
