"""Encoders of images of any size: the towers of Qwen-VL, GLM-4V, Kimi and Pixtral, and the mergers after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..images import Images, Videos
from ..operators import Convolution, Embedding, Learned, Norm
from ._blocks import Operators, equal_heads, feed_forward, gated_feed_forward, plain, pre_norm
from ._encoders import encoder_attention
from ._images import NativeImages
from ._rows import ROWS
from ._towers import INSIDE, UNMOVED, multimodal, tower, two_matrices
from ._videos import Frames, NativeVideos, Sampling, SteppedSampling
from .qwen2 import build as build_qwen2

FUSED = ("qkv", "qkv", "qkv", "proj")
# Least and most pixels by the published preprocessor configs.
QWEN2_PIXELS, QWEN3_PIXELS = (56 * 56, 28 * 28 * 16_384), (256 * 256, 4096 * 4096)
# Of the two frames as which GLM-4V takes an image.
GLM_PIXELS = (112 * 112, 14 * 14 * 2 * 2 * 2 * 6144)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The sizes of a tower that takes an image as a grid of patches, of which merge x merge become one token."""

    hidden: int
    depth: int
    heads: int
    patch: int
    merge: int

    @property
    def group(self) -> int:
        """Patches that become one token."""
        return self.merge**2

    @property
    def merged(self) -> int:
        """Values of a group side by side."""
        return self.hidden * self.group

    def images(self, min_pixels: int, max_pixels: int, frames: int | None = None) -> Images:
        """Sides rounded to whole groups, within bounds on the pixels."""
        return NativeImages(
            patch=self.patch, merge=self.merge, min_pixels=min_pixels, max_pixels=max_pixels, frames=frames
        )

    def qwen2_videos(self) -> Videos:
        """Qwen2-VL's and 2.5's: frames of 128 to 768 tokens, and fewer where all are more than the sequence takes."""
        square = (self.patch * self.merge) ** 2
        return NativeVideos(
            patch=self.patch,
            merge=self.merge,
            min_pixels=128 * square,
            max_pixels=768 * square,
            most_tokens=int(0.9 * 128_000),
            sampling=Sampling(fps=2, least=4, most=768, even=-1),
        )

    def qwen3_videos(self) -> Videos:
        """Qwen3-VL's and Qwen3.5's: all frames share 24,576 x 32 x 32 pixels; a pair has two marks and its time."""
        return NativeVideos(
            patch=self.patch,
            merge=self.merge,
            min_pixels=4096,
            max_pixels=25_165_824,
            spans=True,
            sampling=Sampling(fps=2, least=4, most=768),
            marks=5,
            times=True,
        )

    def glm_videos(self, sampling: Frames, marks: int) -> Videos:
        """GLM-4V's: all frames share 60,000 x 28 x 28 pixels."""
        return NativeVideos(
            patch=self.patch,
            merge=self.merge,
            min_pixels=112 * 112,
            max_pixels=60_000 * 28 * 28,
            spans=True,
            sampling=sampling,
            marks=marks,
        )


def read_grid(
    config: Config, *, hidden: int, depth: int, heads: int, patch: int, merge: int | None = None, width: str = ""
) -> Grid:
    """The sizes by their usual names, with a family's defaults; `width` where the tower's own has another name."""
    return Grid(
        hidden=config.integer(width or "hidden_size", default=hidden),
        depth=config.integer("depth", "num_hidden_layers", default=depth, most=DEEPEST_STACK),
        heads=config.integer("num_heads", "num_attention_heads", default=heads),
        patch=config.integer("patch_size", default=patch),
        merge=config.integer("spatial_merge_size", default=2) if merge is None else merge,
    )


def patches(config: Config, grid: Grid, name: str, *, bias: bool, frames: bool = True) -> Convolution:
    """The convolution over a patch of an image, or of as many frames of it as are taken at once."""
    times = config.integer("temporal_patch_size", default=2) if frames else 1
    channels = config.integer("in_channels", "in_chans", "num_channels", default=3)
    return Convolution(name=name, inputs=channels, outputs=grid.hidden, kernel=grid.patch**2 * times, bias=bias)


def square(config: Config, name: str, *, default: int) -> int:
    """The side of what a config gives as one number or as a height and a width, which must be equal."""
    if not isinstance(config.values.get(name), list | tuple):
        return config.integer(name, default=default)
    sides = config.integers(name, least=1)
    if len(sides) != 2 or sides[0] != sides[1]:
        raise ConfigError(f"The config's {config.where}{name} must be one number or two equal ones, and is {sides}.")
    return sides[0]


def image_block(
    grid: Grid,
    forward: Operators,
    *,
    names: tuple[str, str, str, str] = FUSED,
    path: str = "attn",
    bias: bool = True,
    out_bias: bool | None = None,
    norm_bias: bool = False,
    norms: tuple[str, str] = ("norm1", "norm2"),
    window: int | None = None,
) -> Operators:
    """A layer: attention to all patches of the image, or to a window of them, and a feed-forward."""
    attend = encoder_attention(
        grid.hidden,
        equal_heads(grid.hidden, grid.heads),
        path=path,
        names=names,
        bias=bias,
        out_bias=out_bias,
        window=window,
    )
    return pre_norm(grid.hidden, attend, forward, bias=norm_bias, names=norms)


def merger(
    grid: Grid,
    outputs: int,
    path: str,
    names: tuple[str, str],
    *,
    norm: str = "norm",
    norm_bias: bool = True,
    grouped: bool = False,
    copies: int | None = None,
) -> Layer:
    """Patches of a group side by side, to the values of the decoder; a norm of each patch, or of the group, before."""
    return tower(
        path,
        (
            Norm(name=norm, width=grid.merged if grouped else grid.hidden, bias=norm_bias),
            *two_matrices(grid.merged, grid.merged, outputs, names=names),
        ),
        copies,
        reduction=grid.group,
    )


def qwen3_tower(config: Config, *, early: bool, path: str = "model.visual") -> tuple[Grid, tuple[Layer, ...]]:
    """Qwen3-VL's and Qwen3.5's. `early`: some layers have mergers too, whose tokens enter the decoder's first ones."""
    grid = read_grid(config, hidden=1152, depth=27, heads=16, patch=16)
    width, outputs = config.integer("intermediate_size", default=4304), config.integer("out_hidden_size", default=3584)
    positions = config.integer("num_position_embeddings", default=2304)
    names = ("linear_fc1", "linear_fc2")
    forward = feed_forward(grid.hidden, width, bias=True, names=names)
    layers = [
        tower(
            path,
            (
                patches(config, grid, "patch_embed.proj", bias=True),
                Embedding(name="pos_embed", entries=positions, width=grid.hidden, part="positions"),
            ),
        ),
        tower(f"{path}.blocks.{{index}}", image_block(grid, forward, norm_bias=True), grid.depth),
        merger(grid, outputs, f"{path}.merger", names),
    ]
    taps = len(config.integers("deepstack_visual_indexes", default=(8, 16, 24))) if early else 0
    if taps:
        path = f"{path}.deepstack_merger_list.{{index}}"
        layers.append(merger(grid, outputs, path, names, grouped=True, copies=taps))
    return grid, tuple(layers)


def glm_tower(config: Config, path: str = "model.visual") -> tuple[Grid, tuple[Layer, ...]]:
    """GLM-4.1V's and 4.5V's: gated feed-forwards without biases, a convolution that merges, a gated merger."""
    grid = read_grid(config, hidden=1536, depth=24, heads=12, patch=14)
    hidden, outputs = grid.hidden, config.integer("out_hidden_size", default=4096)
    side = config.integer("image_size", default=336, least=grid.patch) // grid.patch
    block = image_block(
        grid,
        gated_feed_forward(hidden, outputs),
        bias=config.boolean("attention_bias", default=False),
        out_bias=False,
    )
    return grid, (
        tower(
            path,
            (
                patches(config, grid, "patch_embed.proj", bias=True),
                Norm(name="post_conv_layernorm", width=hidden),
                Embedding(name="embeddings.position_embedding", entries=side**2, width=hidden, part="positions"),
            ),
        ),
        tower(f"{path}.blocks.{{index}}", block, grid.depth),
        tower(path, (Norm(name="post_layernorm", width=hidden),)),
        tower(
            path,
            (
                Convolution(name="downsample", inputs=hidden, outputs=outputs, kernel=grid.group),
                plain("merger.proj", outputs, outputs),
                Norm(name="merger.post_projection_norm", width=outputs, bias=True),
                *gated_feed_forward(outputs, config.integer("intermediate_size", default=13696), path="merger"),
            ),
            reduction=grid.group,
        ),
    )


def beside_qwen3_tower(
    config: Config, build_text: Callable[[Config], Architecture], defaults: Mapping[str, Any], *, early: bool
) -> Architecture:
    """A decoder with Qwen3-VL's tower."""
    grid, layers = qwen3_tower(config.section("vision_config", default={}), early=early)
    return multimodal(
        config,
        build_text,
        layers,
        images=grid.images(*QWEN3_PIXELS),
        videos=grid.qwen3_videos(),
        defaults=defaults,
        moved=INSIDE,
    )


def beside_glm_tower(
    config: Config, build_text: Callable[[Config], Architecture], defaults: Mapping[str, Any]
) -> Architecture:
    """A decoder with GLM-4.1V's tower."""
    grid, layers = glm_tower(config.section("vision_config", default={}))
    # begin, end and the time: "12" in GLM-4.1V, "12.5 seconds" in GLM-4.6V
    videos = grid.glm_videos(Sampling(fps=2, longest=300, even=1), marks=3)
    if config.model_type == "glm46v":
        videos = grid.glm_videos(SteppedSampling(), marks=6)
    return multimodal(
        config,
        build_text,
        layers,
        images=grid.images(*GLM_PIXELS, frames=2),
        videos=videos,
        defaults=defaults,
        moved=INSIDE,
        ties_inside=True,
    )


def beside_qwen2_tower(config: Config, grid: Grid, layers: tuple[Layer, ...]) -> Architecture:
    """A Qwen2 whose fields stand outside or in a section, with a tower of Qwen2-VL's kind."""
    return multimodal(
        config,
        build_qwen2,
        layers,
        images=grid.images(*QWEN2_PIXELS),
        videos=grid.qwen2_videos(),
        flat=True,
        defaults=ROWS["qwen2_vl_text"].defaults,
        moved=UNMOVED,
        ties_inside=True,
    )


def kimi_tower(config: Config) -> tuple[Grid, tuple[Layer, ...]]:
    """MoonViT of Kimi-VL and, with names that begin with vt_, of Kimi-K2.5: positions learned in two dimensions."""
    grid = Grid(
        hidden=config.integer("hidden_size", "vt_hidden_size", default=1152),
        depth=config.integer("num_hidden_layers", "vt_num_hidden_layers", default=27, most=DEEPEST_STACK),
        heads=config.integer("num_attention_heads", "vt_num_attention_heads", default=16),
        patch=config.integer("patch_size", default=14),
        merge=square(config, "merge_kernel_size", default=2),
    )
    sides = [config.integer(f"init_pos_emb_{side}", f"pos_emb_{side}", default=64) for side in ("height", "width")]
    width = config.integer("intermediate_size", "vt_intermediate_size", default=4304)
    block = image_block(
        grid,
        feed_forward(grid.hidden, width, bias=True, path="mlp", names=("fc0", "fc1")),
        names=("wqkv", "wqkv", "wqkv", "wo"),
        path="",
        norm_bias=True,
        norms=("norm0", "norm1"),
    )
    return grid, (
        tower(
            "vision_tower.patch_embed",
            (
                patches(config, grid, "proj", bias=True, frames=False),
                Learned(name="pos_emb", size=sides[0] * sides[1] * grid.hidden),
            ),
        ),
        tower("vision_tower.encoder.blocks.{index}", block, grid.depth),
        tower("vision_tower.encoder", (Norm(name="final_layernorm", width=grid.hidden, bias=True),)),
    )


def pixtral_tower(config: Config, path: str = "vision_tower") -> tuple[Grid, tuple[Layer, ...]]:
    """Pixtral's: no learned positions, gated feed-forwards, no bias anywhere."""
    grid = read_grid(config, hidden=1024, depth=24, heads=16, patch=16, merge=1)
    width = config.integer("intermediate_size", default=4096)
    block = image_block(
        grid,
        gated_feed_forward(grid.hidden, width, path="feed_forward"),
        names=("q_proj", "k_proj", "v_proj", "o_proj"),
        path="attention",
        bias=False,
        norms=("attention_norm", "ffn_norm"),
    )
    return grid, (
        tower(
            path,
            (
                patches(config, grid, "patch_conv", bias=False, frames=False),
                Norm(name="ln_pre", width=grid.hidden),
            ),
        ),
        tower(f"{path}.transformer.layers.{{index}}", block, grid.depth),
    )
