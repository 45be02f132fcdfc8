"""Stable Video Diffusion's blocks: those of images, each with one over frames beside it, and a learned mixture."""

from __future__ import annotations

from ..architecture import Layer
from ..operators import Learned, Norm, Operator
from ._blocks import Heads, Operators, plain
from ._diffusion import PROJECTIONS, embedding, gated_by_gelu, group_norm, of_image, prompted_block, residual
from ._encoders import cross_attention, encoder_attention
from ._towers import moved_layer
from ._video import conv3d


def mixed_residual(inputs: int, outputs: int, *, step: int | None = None) -> Operators:
    """Two residual blocks, of a frame and over three frames. `step` is the width of the step's embedding."""
    over_frames: Operators = (
        *group_norm("norm1", outputs),
        conv3d("conv1", outputs, outputs, 3),
        *((of_image("time_emb_proj", outputs, step),) if step is not None else ()),
        *group_norm("norm2", outputs),
        conv3d("conv2", outputs, outputs, 3),
    )
    return (
        *_within("spatial_res_block.", residual(inputs, outputs, step=step)),
        *_within("temporal_res_block.", over_frames),
        Learned(name="time_mixer.mix_factor", size=1),
    )


def mixed_transformer(
    path: str, width: int, heads: Heads, *, prompt: int, depth: int, reduction: int
) -> tuple[Layer, ...]:
    """Attention of a frame's positions to each other, then of one position in all frames, both across to the prompt."""
    indices = tuple(range(depth))
    before: Operators = (Norm(name="norm", width=width, bias=True), plain("proj_in", width, width, bias=True))
    after: Operators = (
        *embedding("time_pos_embed", width, 4 * width, width),
        Learned(name="time_mixer.mix_factor", size=1),
        plain("proj_out", width, width, bias=True),
    )
    return (
        Layer(path=path, operators=before, reduction=reduction),
        Layer(
            path=f"{path}.transformer_blocks.{{index}}",
            operators=prompted_block(width, heads, prompt=prompt),
            indices=indices,
            reduction=reduction,
        ),
        Layer(
            path=f"{path}.temporal_transformer_blocks.{{index}}",
            operators=_over_frames(width, heads, prompt),
            indices=indices,
            reduction=reduction,
        ),
        Layer(path=path, operators=after, reduction=reduction),
    )


def _over_frames(width: int, heads: Heads, prompt: int) -> Operators:
    def norm(name: str) -> Norm:
        return Norm(name=name, width=width, bias=True)

    return (
        norm("norm_in"),
        *gated_by_gelu(width, "ff_in"),
        norm("norm1"),
        *encoder_attention(width, heads, path="attn1", names=PROJECTIONS, out_bias=True),
        norm("norm2"),
        *cross_attention(
            width, heads, path="attn2", names=PROJECTIONS, source_width=prompt, out_bias=True, cached=False
        ),
        norm("norm3"),
        *gated_by_gelu(width),
    )


def _within(path: str, operators: Operators) -> tuple[Operator, ...]:
    return moved_layer(Layer(path="", operators=operators), "", path).operators
