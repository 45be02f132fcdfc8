"""Models that show a decoder the patches of square images through a projector: LLaVA and what follows its pattern."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Images, Videos
from ..operators import Learned, Norm
from ._blocks import Operators
from ._images import FixedImages, PinpointImages, TiledImages
from ._towers import ImageTower, clip, multimodal, siglip, tower, two_matrices, whole_images
from ._videos import FrameVideos, Sampling

# CLIP-ViT-L/14 at 336 pixels, which a LLaVA without a vision_config has.
CLIP_336 = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}
# SigLIP-SO400M at 384 pixels without its last layer, which a LLaVA-OneVision without a vision_config has.
SIGLIP_384 = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
_TOWERS = {"clip_vision_model": clip, "siglip_vision_model": siglip}


def image_tower(config: Config, default: dict[str, Any]) -> ImageTower:
    """The tower of the vision_config, CLIP's or SigLIP's; `default` is the whole section where it is absent."""
    vision = config.section("vision_config", default=default)
    kind = vision.text("model_type")
    if kind not in _TOWERS:
        raise ConfigError(
            f"The config's vision_config.model_type must be {' or '.join(_TOWERS)} in a {config.model_type}, and is "
            f"{shown(kind)}."
        )
    return clip(vision) if kind == "clip_vision_model" else siglip(vision)


def llava_projector(config: Config, width: int, text_hidden: int, *, bias: bool = True, reduction: int = 1) -> Layer:
    """Two matrices over the values of each layer of the tower that is taken; `bias` is the family's default."""
    taken = config.values.get("vision_feature_layer")
    inputs = width * (len(taken) if isinstance(taken, list | tuple) else 1)
    bias = config.boolean("multimodal_projector_bias", default=bias)
    matrices = two_matrices(inputs, text_hidden, text_hidden, bias=bias)
    return tower("multi_modal_projector", matrices, reduction=reduction)


def square_images(config: Config, found: ImageTower) -> Images:
    """One image of the tower's size; the first position, a class token as a rule, is left out unless "full"."""
    full = config.text("vision_feature_select_strategy", default="default") == "full"
    return whole_images(found, found.positions if full else found.positions - 1)


def canvas_images(config: Config, found: ImageTower, default: list[list[int]], max_tiles: int | None = None) -> Images:
    """Tiles of the canvas that fits best, and the whole image."""
    canvases = config.values.get("image_grid_pinpoints") or default
    if not isinstance(canvases, list | tuple) or not all(_is_canvas(entry, found.pixels) for entry in canvases):
        raise ConfigError(
            "The config's image_grid_pinpoints must be a list of [height, width] in pixels, each at least "
            f"{found.pixels}."
        )
    return PinpointImages(
        tile=found.pixels,
        side=found.side,
        extra=found.class_tokens,
        canvases=tuple((height, width) for height, width in canvases),
        max_tiles=max_tiles,
    )


def _is_canvas(entry: object, least: int) -> bool:
    return (
        isinstance(entry, list | tuple)
        and len(entry) == 2
        and all(isinstance(side, int) and not isinstance(side, bool) and side >= least for side in entry)
    )


def llava_of_tiles(
    config: Config,
    found: ImageTower,
    text_type: str,
    images: Images,
    *,
    videos: Videos | None = None,
    ties_inside: bool = False,
) -> Architecture:
    """A decoder that is shown tiles of an image row by row; `text_type` is its family where the config names none."""
    return multimodal(
        config,
        text_type,
        lambda text: (
            tower("", (Learned(name="image_newline", size=text.hidden_size),)),
            *found.layers,
            llava_projector(config, found.width, text.hidden_size),
        ),
        images=images,
        videos=videos,
        ties_inside=ties_inside,
    )


def pooled_videos(found: ImageTower, side: int, *, ends: int = 0) -> Videos:
    """Frames in the tower's size, of which side x side tokens are left, and as many as are given."""
    frame = FixedImages(positions=found.positions, tokens=side**2)
    return FrameVideos(frame=frame, sampling=Sampling(), ends=ends)


def gated_projector(config: Config, found: ImageTower, inner: int, text_hidden: int, *, normed: bool) -> Layer:
    """Patches of a group side by side, through two matrices with a gate between them (Aya Vision)."""
    group = config.integer("downsample_factor", default=2) ** 2
    inputs = found.width * group
    norm: Operators = (Norm(name="layernorm", width=inputs, bias=True),) if normed else ()
    matrices = two_matrices(inputs, inner, text_hidden, gated=True)
    return tower("multi_modal_projector", (*norm, *matrices), reduction=group)


def marked_tiles(config: Config, found: ImageTower, *, fills: bool = False) -> Images:
    """Up to 12 tiles and the whole image; each has a mark of its own, the image two."""
    tokens = found.patches // config.integer("downsample_factor", default=2) ** 2
    return TiledImages(
        tile=found.pixels, positions=found.patches, tokens=tokens + 1, max_tiles=12, fills=fills, marks=2
    )
