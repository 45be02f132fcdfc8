"""Layers of Lumina 2 and Z-Image: image and prompt are one sequence, after layers that refine each alone."""

from __future__ import annotations

from ..architecture import Layer
from ..operators import Linear
from ._blocks import Heads, Operators, gated_feed_forward, query_key_norms, sandwich_norm
from ._diffusion import PROJECTIONS, over_the_prompt
from ._encoders import encoder_attention


def lumina_block(
    hidden: int,
    heads: Heads,
    *,
    width: int,
    path: str,
    forward: tuple[str, str, str],
    norms: tuple[str, str, str, str],
    scales: Linear | None = None,
    normed: bool = True,
) -> Operators:
    """Norms before and after attention and feed-forward; `scales` makes what the step scales and gates both by."""
    of_heads = query_key_norms(heads, path=path, names=("norm_q", "norm_k")) if normed else ()
    attend = encoder_attention(hidden, heads, path=path, names=PROJECTIONS, norms=of_heads)
    gated = gated_feed_forward(hidden, width, path="feed_forward", names=forward)
    return (*((scales,) if scales is not None else ()), *sandwich_norm(hidden, attend, gated, names=norms))


def lumina_stack(scaled: Operators, plain: Operators, *, depth: int, refiners: int) -> tuple[Layer, ...]:
    """Layers over the image alone, over the prompt alone, and over both; only those over the prompt have no scales."""
    few = tuple(range(refiners))
    return (
        Layer(path="noise_refiner.{index}", operators=scaled, indices=few),
        Layer(path="context_refiner.{index}", operators=over_the_prompt(plain), indices=few, over="prompt"),
        Layer(path="layers.{index}", operators=scaled, indices=tuple(range(depth)), over="both"),
    )
