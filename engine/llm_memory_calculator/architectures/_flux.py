"""Flux's transformer, and the ControlNet that is its first layers once more."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Embedding
from ._blocks import Operators, plain
from ._diffusion import (
    diffusion_model,
    handed,
    joint_block,
    joint_embeddings,
    patches_out,
    read_transformer_heads,
    single_block,
)
from ._unet import hint_embedding

# max_sequence_length of the pipeline.
PROMPT = 512


def flux(config: Config, *, controls: bool = False) -> Architecture:
    """The transformer; where it `controls` another, each layer ends in a product for that one's layer."""
    hidden, heads = read_transformer_heads(config, 24, 128)
    inputs = config.integer("in_channels", default=64)
    depth = config.integer("num_layers", default=19, least=0, most=DEEPEST_STACK)
    singles = config.integer("num_single_layers", default=38, least=0, most=DEEPEST_STACK)
    patch = config.integer("patch_size", default=1)
    guided = config.boolean("guidance_embeds", default=False)
    stack: tuple[Layer, ...] = (
        Layer(
            path="transformer_blocks.{index}",
            operators=joint_block(hidden, heads, normed=True),
            indices=tuple(range(depth)),
        ),
        Layer(
            path="single_transformer_blocks.{index}",
            operators=single_block(hidden, heads, 4 * hidden),
            indices=tuple(range(singles)),
            over="both",
        ),
    )
    first: Operators = (
        plain("x_embedder", hidden, inputs, bias=True),
        *joint_embeddings(config, hidden, prompt=4096, pooled=768, context=hidden, guided=guided),
    )
    last: Operators = ()
    if controls:
        first += (
            *_hint(config),
            plain("controlnet_x_embedder", hidden, inputs, bias=True),
            *_modes(config, hidden),
        )
        stack += (
            *handed("controlnet_blocks", hidden, depth),
            *handed("controlnet_single_blocks", hidden, singles),
        )
    else:
        last = patches_out(hidden, patch**2 * config.integer("out_channels", default=inputs))
    return diffusion_model(
        config,
        hidden=hidden,
        first=first,
        stack=stack,
        last=last,
        # the pipeline packs 2 x 2 latents of 16 values into one position before the model sees them
        latents=Latents(patch=2, channels=inputs // 4, passes=1, prompt=PROMPT, joint=True, side=128),
    )


def _hint(config: Config) -> Operators:
    """Convolutions from the pixels of what controls, where it is no latents."""
    outputs = config.optional_integer("conditioning_embedding_channels")
    return () if outputs is None else hint_embedding("input_hint_block", 3, (16, 16, 16, 16), outputs)


def _modes(config: Config, hidden: int) -> Operators:
    """A table of the kinds of control that one model has learned (union)."""
    modes = config.optional_integer("num_mode")
    return (
        ()
        if modes is None
        else (Embedding(name="controlnet_mode_embedder", entries=modes, width=hidden, part="positions"),)
    )
