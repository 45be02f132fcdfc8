"""The transformer of Chroma: Flux's, all of whose scales a network of its own makes of the step."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Norm
from ._blocks import Operators, plain
from ._diffusion import (
    diffusion_model,
    embedding,
    joint_block,
    of_image,
    of_prompt,
    read_transformer_heads,
    single_block,
)

# max_sequence_length of the pipeline.
PROMPT = 512


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 24, 128)
    inputs, patch = config.integer("in_channels", default=64), config.integer("patch_size", default=1)
    depth = config.integer("num_layers", default=19, least=0, most=DEEPEST_STACK)
    singles = config.integer("num_single_layers", default=38, least=0, most=DEEPEST_STACK)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("x_embedder", hidden, inputs, bias=True),
            of_prompt("context_embedder", hidden, config.integer("joint_attention_dim", default=4096)),
            *_approximator(config, hidden),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, scales=False),
                indices=tuple(range(depth)),
            ),
            Layer(
                path="single_transformer_blocks.{index}",
                operators=single_block(hidden, heads, 4 * hidden, scales=False),
                indices=tuple(range(singles)),
                over="both",
            ),
        ),
        last=(
            Norm(name="norm_out", width=hidden, scaled=False),
            plain("proj_out", patch**2 * config.integer("out_channels", default=inputs), hidden, bias=True),
        ),
        # the pipeline packs 2 x 2 latents of 16 values; with and without the prompt one after the other
        latents=Latents(patch=2, channels=inputs // 4, passes=1, prompt=PROMPT, joint=True, side=128),
    )


def _approximator(config: Config, hidden: int) -> Operators:
    """Makes the scales of all layers of the step, the guidance and the number of each."""
    path, width = "distilled_guidance_layer", config.integer("approximator_hidden_dim", default=5120)
    layers = range(config.integer("approximator_layers", default=5, most=DEEPEST_STACK))
    return (
        of_image(f"{path}.in_proj", width, config.integer("approximator_num_channels", default=64)),
        *(operator for layer in layers for operator in embedding(f"{path}.layers.{layer}", width, width)),
        *(Norm(name=f"{path}.norms.{layer}", width=width) for layer in layers),
        of_image(f"{path}.out_proj", hidden, width),
    )
