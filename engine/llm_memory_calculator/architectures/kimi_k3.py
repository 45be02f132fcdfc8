"""Kimi-K3: the text of kimi_linear with its newer parts, and a tower without biases whose heads are wider than it."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..operators import Learned, Norm
from ._blocks import Heads, Operators, feed_forward, pre_norm
from ._encoders import encoder_attention
from ._images import PaddedImages
from ._towers import multimodal, tower, two_matrices
from ._vision import Grid, patches, square
from .kimi_linear import build as build_text


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    grid = Grid(
        hidden=vision.integer("vt_hidden_size", "hidden_size", default=1024),
        depth=vision.integer("vt_num_hidden_layers", "num_hidden_layers", default=27, most=DEEPEST_STACK),
        heads=vision.integer("vt_num_attention_heads", "num_attention_heads", default=12),
        patch=vision.integer("patch_size", default=14),
        merge=square(vision, "merge_kernel_size", default=2),
    )

    def towers(text: Architecture) -> tuple[Layer, ...]:
        return (*_encoder(vision, grid), *_projector(vision, grid, text.hidden_size))

    # the most patches of an image are those of Kimi-K2.5
    images = PaddedImages(patch=grid.patch, merge=grid.merge, max_patches=16_384)
    return multimodal(config, build_text, towers, images=images)


def _encoder(config: Config, grid: Grid) -> tuple[Layer, ...]:
    path, hidden = "vision_tower", grid.hidden
    sides = [config.integer(f"init_pos_emb_{side}", default=64) for side in ("height", "width")]
    inner = config.integer("qkv_hidden_size", default=1536)
    bias, attend_bias = (config.boolean(name, default=False) for name in ("linear_bias", "attn_bias"))
    norm_bias = config.text("norm_type", default="rmsnorm") == "layernorm"
    if inner % grid.heads:
        raise ConfigError(
            f"The config's {config.where}qkv_hidden_size {inner} is not a multiple of its {grid.heads} heads."
        )
    heads = Heads(query=grid.heads, kv=grid.heads, dim=inner // grid.heads)
    attend = encoder_attention(hidden, heads, path="", names=("wqkv", "wqkv", "wqkv", "wo"), bias=attend_bias)
    width = config.integer("vt_intermediate_size", "intermediate_size", default=4096)
    forward = feed_forward(hidden, width, bias=bias, names=("fc0", "fc1"))
    first: Operators = (
        patches(config, grid, "proj", bias=config.boolean("patch_embed_proj_bias", default=False), frames=False),
        Learned(name="pos_emb", size=sides[0] * sides[1] * hidden),
    )
    block = pre_norm(hidden, attend, forward, bias=norm_bias, names=("norm0", "norm1"))
    return (
        tower(f"{path}.patch_embed", first),
        tower(f"{path}.encoder.blocks.{{index}}", block, grid.depth),
        tower(f"{path}.encoder", (Norm(name="final_layernorm", width=hidden, bias=norm_bias),)),
    )


def _projector(config: Config, grid: Grid, outputs: int) -> tuple[Layer, ...]:
    inputs = config.integer("mm_hidden_size", default=grid.hidden) * grid.group
    matrices = two_matrices(inputs, inputs, outputs, names=("proj.0", "proj.2"), bias=False)
    return (tower("mm_projector", (*matrices, Norm(name="post_norm", width=outputs)), reduction=grid.group),)
