"""MiniMax-M3 with images: the text model of minimax_m3_vl_text, a tower for images of any size beside it."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Norm
from ._rows import MINIMAX_M3_TEXT
from ._towers import clip_block, multimodal, tower, two_matrices
from ._videos import NativeVideos, Sampling
from ._vision import Grid, patches, read_grid
from .minimax_m3_vl_text import build as build_text


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    grid = read_grid(vision, hidden=1280, depth=32, heads=16, patch=14, merge=_merged(config, vision))

    def towers(text: Architecture) -> tuple[Layer, ...]:
        return _towers(vision, grid, text.hidden_size, config.integer("projector_hidden_size", default=6144))

    return multimodal(
        config,
        build_text,
        towers,
        images=grid.images(4 * 28 * 28, 672 * 672),
        # the times between frames, in words, are not counted
        videos=NativeVideos(
            patch=grid.patch,
            merge=grid.merge,
            min_pixels=4 * 28 * 28,
            max_pixels=768 * 28 * 28,
            sampling=Sampling(fps=1, least=4, most=768),
            marks=2,
        ),
        defaults=MINIMAX_M3_TEXT,
        ties_inside=True,
    )


def _merged(*configs: Config) -> int:
    """Patches along a side of what becomes one token: said outside or in the tower's section."""
    name = "img_token_compression_config"
    found = [config.section(name).integer("spatial_merge_size", default=2) for config in configs if config.has(name)]
    return found[-1] if found else configs[-1].integer("spatial_merge_size", default=2)


def _towers(config: Config, grid: Grid, text: int, inner: int) -> tuple[Layer, ...]:
    """CLIP's layers without a class token or learned positions; patches are projected, grouped and projected again."""
    path = "vision_tower.vision_model"
    block = clip_block(grid.hidden, grid.heads, config.integer("intermediate_size", default=5120))
    return (
        tower(f"{path}.embeddings", (patches(config, grid, "patch_embedding", bias=False),)),
        tower(path, (Norm(name="pre_layrnorm", width=grid.hidden, bias=True),)),
        tower(f"{path}.encoder.layers.{{index}}", block, grid.depth),
        tower("multi_modal_projector", two_matrices(grid.hidden, inner, text)),
        tower("patch_merge_mlp", two_matrices(text * grid.group, inner, text), reduction=grid.group),
    )
