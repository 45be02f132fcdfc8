"""Layers of HunyuanVideo that refine the encoded prompt before the others take it."""

from __future__ import annotations

from ..architecture import Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Norm
from ._blocks import Heads, Operators
from ._diffusion import (
    PROJECTIONS,
    embedding,
    of_image,
    of_prompt,
    over_the_prompt,
    plain_feed_forward,
)
from ._encoders import encoder_attention

PATH = "context_embedder"


def refiner_embeddings(prompt: int, hidden: int) -> Operators:
    """Embeddings of the step and of the prompt's mean, and the projection of its positions."""
    return (
        *embedding(f"{PATH}.time_text_embed.timestep_embedder", 256, hidden),
        *embedding(f"{PATH}.time_text_embed.text_embedder", prompt, hidden),
        of_prompt(f"{PATH}.proj_in", hidden, prompt),
    )


def refiner(config: Config, hidden: int, heads: Heads, wide: int) -> Layer:
    """Layers over the prompt alone, which the step scales."""
    operators: Operators = (
        Norm(name="norm1", width=hidden, bias=True),
        *encoder_attention(hidden, heads, path="attn", names=PROJECTIONS, bias=True),
        Norm(name="norm2", width=hidden, bias=True),
        *plain_feed_forward(hidden, "ff", wide),
        of_image("norm_out.linear", 2 * hidden, hidden),
    )
    return Layer(
        path=f"{PATH}.token_refiner.refiner_blocks.{{index}}",
        operators=over_the_prompt(operators),
        indices=layers_of(config, "num_refiner_layers", 2),
        over="prompt",
    )


def layers_of(config: Config, name: str, default: int) -> tuple[int, ...]:
    return tuple(range(config.integer(name, default=default, least=0, most=DEEPEST_STACK)))
