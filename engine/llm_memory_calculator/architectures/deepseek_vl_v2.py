"""DeepSeek-VL2, DeepSeek-OCR and OCR-2: a DeepSeek that sees by SigLIP, by SAM and CLIP, or by SAM and a Qwen2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..images import ImageSize
from ..operators import Convolution, Embedding, Learned, Norm
from ._blocks import Heads, Operators, feed_forward, gated_feed_forward, plain, pre_norm, share
from ._encoders import class_of, encoder_attention
from ._images import grids, nearest_grid
from ._towers import UNMOVED, clip_block, multimodal, siglip, tower, two_matrices
from ._vision import Grid, image_block
from .deepseek_v2 import build as build_text

SAM, CLIP, QWEN = "sam_vit_b", "clip-l-14-224", "qwen2-0-5b"
_SAM_WINDOW = 14
# patches of SAM that its convolutions make one position of
_STRIDE = 16
# OCR-2's learned queries for a tile and for the whole view, one for each position
_QUERIES = (("query_768", 144), ("query_1024", 256))
# Most tiles by the published preprocessors, and pixels along the side of one.
_MOST_TILES, _OCR_TILE, _OCR2_TILE = 6, 640, 768


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedImages:
    """A whole view of `whole` pixels, and tiles in the grid nearest to the image's shape where it is larger."""

    whole: int
    tile: int
    marks_rows: bool
    patch: int = 16

    def size(self, height: int, width: int) -> ImageSize:
        columns, rows = 0, 0
        if max(height, width) > self.tile:
            columns, rows = nearest_grid(height, width, self.tile, grids(2, _MOST_TILES))
        positions = (self.whole // self.patch) ** 2 + rows * columns * (self.tile // self.patch) ** 2
        side, own = (ceil(pixels / (4 * self.patch)) for pixels in (self.whole, self.tile))
        mark = 1 if self.marks_rows else 0
        local = rows * own * (columns * own + mark) if rows else 0
        return ImageSize(positions, side * (side + mark) + local + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanvasImages:
    """The canvas that keeps most of the image, cut into tiles, and a whole view before them; every row has a mark."""

    tile: int
    patches: int
    side: int
    """Tokens along a side of a tile."""
    canvases: tuple[tuple[int, int], ...]

    def size(self, height: int, width: int) -> ImageSize:
        def kept_and_lost(canvas: tuple[int, int]) -> tuple[int, int]:
            scale = min(canvas[0] / width, canvas[1] / height)
            kept = min(int(width * scale) * int(height * scale), width * height)
            return kept, kept - canvas[0] * canvas[1]

        across, down = (max(1, pixels // self.tile) for pixels in max(self.canvases, key=kept_and_lost))
        local = down * self.side * (across * self.side + 1)
        return ImageSize((1 + across * down) * self.patches, self.side * (self.side + 1) + 1 + local)


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    sizes = vision.section("width") if isinstance(vision.values.get("width"), Mapping) else None
    name = class_of(config)
    if (sizes is not None and sizes.has(QWEN)) or "OCR2" in name:
        return _ocr2(config, sizes or vision, vision)
    if sizes is not None or "OCR" in name:
        return _ocr(config, sizes or vision, vision)
    return _vl2(config, vision)


def _vl2(config: Config, vision: Config) -> Architecture:
    hidden = vision.integer("width", default=1152)
    width = int(hidden * vision.real("mlp_ratio", default=3.7362, most=64))
    named = vision.stating(
        hidden_size=hidden,
        intermediate_size=width,
        num_hidden_layers=vision.integer("layers", default=27, most=DEEPEST_STACK),
        num_attention_heads=vision.integer("heads", default=16),
        image_size=vision.integer("image_size", default=384),
        patch_size=vision.integer("patch_size", default=14),
    )
    found = siglip(named, "vision", head=True)
    merge = config.section("projector_config", default={}).integer("downsample_ratio", default=2)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        return (*found.layers, *_projector(config, found.width, text.hidden_size, "", rows=True))

    canvases = config.values.get("candidate_resolutions") or [[found.pixels, found.pixels]]
    if not isinstance(canvases, list | tuple) or not all(_is_pair(entry) for entry in canvases):
        raise ConfigError(
            f"The config's candidate_resolutions must be a list of [width, height] in pixels, and is {shown(canvases)}."
        )
    images = CanvasImages(
        tile=found.pixels,
        patches=found.patches,
        side=ceil(found.side / merge),
        canvases=tuple((width, height) for width, height in canvases),
    )
    return multimodal(
        config, build_text, towers, images=images, section="language_config", flat=True, moved=("", "language.")
    )


def _is_pair(entry: object) -> bool:
    return (
        isinstance(entry, list | tuple)
        and len(entry) == 2
        and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in entry)
    )


def _ocr(config: Config, sizes: Config, vision: Config) -> Architecture:
    side = vision.integer("image_size", default=1024)
    own = sizes.section(CLIP, default={})
    hidden, heads = own.integer("width", default=1024), own.integer("heads", default=16)
    positions = (own.integer("image_size", default=224) // own.integer("patch_size", default=14)) ** 2 + 1
    kernel = own.integer("patch_size", default=14) ** 2
    path = "model.vision_model"
    # its patches are those of SAM, but the matrix for its own stands in the checkpoint
    first: Operators = (
        Learned(name="class_embedding", size=hidden),
        Convolution(name="patch_embedding", inputs=3, outputs=hidden, kernel=kernel, bias=False),
        Embedding(name="position_embedding", entries=positions, width=hidden, part="positions"),
    )
    clip = (
        tower(f"{path}.embeddings", first, reduction=_STRIDE),
        tower(path, (Norm(name="pre_layrnorm", width=hidden, bias=True),), reduction=_STRIDE),
        tower(
            f"{path}.transformer.layers.{{index}}",
            clip_block(hidden, heads, 4 * hidden),
            own.integer("layers", default=24, most=DEEPEST_STACK),
            reduction=_STRIDE,
        ),
    )
    sam, width = _sam(sizes.section(SAM, default={}), side, last=1024)
    return _beside(config, (*sam, *clip), hidden + width, ViewedImages(whole=side, tile=_OCR_TILE, marks_rows=True))


def _ocr2(config: Config, sizes: Config, vision: Config) -> Architecture:
    """The sizes of the Qwen2 but its width are those of the published code, which reads no others."""
    side = vision.integer("image_size", default=1024)
    hidden = sizes.section(QWEN, default={}).integer("dim", default=896)
    heads = Heads(query=14, kv=2, dim=share(hidden, 14))
    path = "model.qwen2_model"
    attend = encoder_attention(
        hidden, heads, path="self_attn", names=("q_proj", "k_proj", "v_proj", "o_proj"), bias=True, out_bias=False
    )
    # a query for each position, after all of them
    reduction = _STRIDE // 2
    qwen = (
        tower(path, tuple(Learned(name=name, size=count * hidden) for name, count in _QUERIES)),
        tower(
            f"{path}.model.model.layers.{{index}}",
            pre_norm(hidden, attend, gated_feed_forward(hidden, 4864)),
            24,
            reduction=reduction,
        ),
        tower(f"{path}.model.model", (Norm(name="norm", width=hidden),), reduction=reduction),
    )
    sam, _ = _sam(sizes.section(SAM, default={}), side, last=hidden)
    return _beside(
        config, (*sam, *qwen), hidden, ViewedImages(whole=side, tile=_OCR2_TILE, marks_rows=False), rows=False
    )


def _beside(
    config: Config, encoder: tuple[Layer, ...], width: int, images: ViewedImages, *, rows: bool = True
) -> Architecture:
    def towers(text: Architecture) -> tuple[Layer, ...]:
        return (*encoder, *_projector(config, width, text.hidden_size, "model.", rows=rows))

    return multimodal(config, build_text, towers, images=images, section="language_config", flat=True, moved=UNMOVED)


def _sam(config: Config, pixels: int, *, last: int) -> tuple[tuple[Layer, ...], int]:
    """SAM's encoder of images, most of whose layers attend windows, and convolutions that make one of 16 patches."""
    path, patch = "model.sam_model", 16
    hidden, heads = config.integer("width", default=768), config.integer("heads", default=12)
    depth = config.integer("layers", default=12, most=DEEPEST_STACK)
    everywhere = {index for index in config.integers("global_attn_indexes", default=(2, 5, 8, 11)) if index < depth}
    channels = config.integers("downsample_channels", default=(512, last), least=1)
    if len(channels) != 2:
        raise ConfigError(f"The config's {config.where}downsample_channels must be two numbers, and is {channels}.")
    inner, last = channels
    side, neck, dim = pixels // patch, 256, share(hidden, heads)
    grid = Grid(hidden=hidden, depth=depth, heads=heads, patch=patch, merge=1)

    def block(across: int) -> Operators:
        forward = feed_forward(hidden, 4 * hidden, bias=True, names=("lin1", "lin2"))
        positions = tuple(Learned(name=f"attn.rel_pos_{way}", size=(2 * across - 1) * dim) for way in "hw")
        window = None if across == side else across**2
        return (*image_block(grid, forward, norm_bias=True, window=window), *positions)

    def neck_part(name: str, inputs: int, kernel: int) -> Convolution:
        return Convolution(name=name, inputs=inputs, outputs=neck, kernel=kernel, bias=False)

    def narrowing(name: str, inputs: int, outputs: int, reduction: int) -> Layer:
        made = Convolution(name=name, inputs=inputs, outputs=outputs, kernel=9, bias=False)
        return tower(path, (made,), reduction=reduction)

    windowed = [index for index in range(depth) if index not in everywhere]
    return (
        tower(
            path,
            (
                Convolution(name="patch_embed.proj", inputs=3, outputs=hidden, kernel=patch**2, bias=True),
                Learned(name="pos_embed", size=side**2 * hidden),
            ),
        ),
        tower(f"{path}.blocks.{{index}}", block(_SAM_WINDOW), windowed),
        tower(f"{path}.blocks.{{index}}", block(side), sorted(everywhere)),
        tower(
            f"{path}.neck",
            (
                neck_part("0", hidden, 1),
                Norm(name="1", width=neck, bias=True),
                neck_part("2", neck, 9),
                Norm(name="3", width=neck, bias=True),
            ),
        ),
        narrowing("net_2", neck, inner, 4),
        narrowing("net_3", inner, last, _STRIDE),
    ), last


def _projector(config: Config, width: int, outputs: int, path: str, *, rows: bool) -> tuple[Layer, ...]:
    """What makes tokens of the tower's values, and the marks after rows and between views."""
    own = config.section("projector_config", default={})
    default = "linear" if path else "downsample_mlp_gelu"
    kind = own.text("projector_type", default=default)
    names = ("image_newline", "view_seperator") if rows else ("view_seperator",)
    marks = tower(path.removesuffix("."), tuple(Learned(name=name, size=outputs) for name in names))
    if kind == "linear":
        matrix = plain("layers", outputs, own.integer("input_dim", default=width), True)
        return tower(f"{path}projector", (matrix,), reduction=_STRIDE), marks
    if kind != "downsample_mlp_gelu" or own.integer("depth", default=2) != 2:
        raise ConfigError(
            "The config's projector_config must have projector_type linear, or downsample_mlp_gelu with depth 2, and "
            f"has {shown(kind)}."
        )
    group = own.integer("downsample_ratio", default=2) ** 2
    inner = outputs * own.integer("mlp_ratio", default=1)
    inputs = own.integer("input_dim", default=width) * group
    matrices = two_matrices(inputs, inner, outputs, names=("0", "2"))
    return tower(f"{path}projector.layers", matrices, reduction=group), marks
