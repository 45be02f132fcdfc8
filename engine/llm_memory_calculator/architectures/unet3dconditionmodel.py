"""The U-Net of ModelScope's text-to-video: Stable Diffusion's, with convolutions and attention over frames beside."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError
from ..images import Latents
from ..operators import Norm
from ._blocks import Heads, Operators, equal_heads, plain
from ._conditions import step_embedding
from ._diffusion import MOST_BLOCKS, as_list, conv, diffusion_model, group_norm, prompted_block, side_of
from ._unet import Attend, UNet, kinds, widths_of
from ._video import conv3d

DOWN, UP = ("CrossAttnDownBlock3D", "DownBlock3D"), ("CrossAttnUpBlock3D", "UpBlock3D")
# num_frames of the pipeline.
FRAMES = 16
# heads of the layer before the levels
FIRST_HEADS = 8


def build(config: Config) -> Architecture:
    down = kinds(config, "down_block_types", DOWN, (*[DOWN[0]] * 3, DOWN[1]))
    up = kinds(config, "up_block_types", UP, (UP[1], *[UP[0]] * 3))
    widths = widths_of(config, (320, 640, 1280, 1280), ("down_block_types", down), ("up_block_types", up))
    depth = len(widths)
    net = UNet(
        widths=widths,
        blocks=as_list(config, "layers_per_block", depth, 2, most=MOST_BLOCKS),
        step=4 * widths[0],
        scaled=False,
        down_resnets=(False,) * depth,
        up_resnets=(False,) * depth,
    )
    dims = as_list(config, "attention_head_dim", depth, 64)
    prompt = config.integer("cross_attention_dim", default=1024)
    inputs = config.integer("in_channels", default=4)

    def attend(level: int, *, prompted: bool, second: bool = False) -> Attend:
        width, reduction = widths[level], 4**level
        heads = equal_heads(width, max(1, width // dims[level])) if prompted else None

        def layers(path: str, number: int) -> tuple[Layer, ...]:
            place = path.removesuffix(f".attentions.{number}")
            numbers = (number, number + 1) if second else (number,)
            return (
                *(
                    Layer(path=f"{place}.temp_convs.{one}", operators=_over_frames(width), reduction=reduction)
                    for one in numbers
                ),
                *(() if heads is None else _transformer(path, width, heads, prompt, reduction)),
                *(() if heads is None else _temporal(f"{place}.temp_attentions.{number}", width, heads, reduction)),
            )

        return layers

    middle = attend(net.top, prompted=True, second=True)("mid_block.attentions.0", 0)
    # the first layer's heads are of the size that the config states once
    if len(set(dims)) > 1:
        raise ConfigError(
            "The config's attention_head_dim must be one number for all levels, as published configs have it."
        )
    first_heads = Heads(query=FIRST_HEADS, kv=FIRST_HEADS, dim=dims[0] if dims else 64)
    return diffusion_model(
        config,
        hidden=widths[0],
        first=(conv("conv_in", inputs, widths[0]), *step_embedding(config, widths[0], net.step)),
        stack=(
            *_temporal("transformer_in", widths[0], first_heads, 1),
            *net.down(lambda level: attend(level, prompted=down[level] == DOWN[0])),
            *net.middle(middle, 2),
            *net.up(lambda level, number: attend(level, prompted=up[number] == UP[0])),
        ),
        last=net.last(config.integer("out_channels", default=4)),
        latents=Latents(channels=inputs, side=side_of(config), frames=FRAMES),
        kept=widths[0],
    )


def _over_frames(width: int) -> Operators:
    """Four convolutions over three frames each, one after the other."""
    places = ((1, 2), (2, 3), (3, 3), (4, 3))
    return tuple(
        operator
        for number, place in places
        for operator in (*group_norm(f"conv{number}.0", width), conv3d(f"conv{number}.{place}", width, width, 3))
    )


def _transformer(path: str, width: int, heads: Heads, prompt: int, reduction: int) -> tuple[Layer, ...]:
    """Attention of a frame's positions to each other and across to the prompt."""
    return _around(path, width, width, prompted_block(width, heads, prompt=prompt), reduction)


def _temporal(path: str, width: int, heads: Heads, reduction: int) -> tuple[Layer, ...]:
    """Attention of the same position in all frames to each other, twice."""
    inner = heads.query * heads.dim
    return _around(path, width, inner, prompted_block(inner, heads, prompt=None, twice=True), reduction)


def _around(path: str, width: int, inner: int, block: Operators, reduction: int) -> tuple[Layer, ...]:
    norm = Norm(name="norm", width=width, bias=True)
    return (
        Layer(path=path, operators=(norm, plain("proj_in", inner, width, bias=True)), reduction=reduction),
        Layer(path=f"{path}.transformer_blocks.0", operators=block, reduction=reduction),
        Layer(path=path, operators=(plain("proj_out", width, inner, bias=True),), reduction=reduction),
    )
