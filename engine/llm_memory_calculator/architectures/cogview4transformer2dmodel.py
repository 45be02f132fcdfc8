"""The transformer of CogView4: image and prompt are one sequence, which the step and the image's sizes scale."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Norm
from ._blocks import plain
from ._diffusion import (
    PROJECTIONS,
    diffusion_model,
    embedding,
    of_image,
    of_prompt,
    plain_feed_forward,
    read_transformer_heads,
    side_of,
)
from ._encoders import encoder_attention

# max_sequence_length of the pipeline.
PROMPT = 1024


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 64, 40)
    inputs, patch = config.integer("in_channels", default=16), config.integer("patch_size", default=2)
    step = config.integer("time_embed_dim", default=512)
    sizes = 6 * config.integer("condition_dim", default=256)
    head_norms = tuple(
        Norm(name=f"attn1.{name}", width=heads.dim, heads=heads.query, scaled=False) for name in ("norm_q", "norm_k")
    )
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("patch_embed.proj", hidden, inputs * patch**2, bias=True),
            of_prompt("patch_embed.text_proj", hidden, config.integer("text_embed_dim", default=4096)),
            *embedding("time_condition_embed.timestep_embedder", hidden, step),
            *embedding("time_condition_embed.condition_embedder", sizes, step),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=(
                    of_image("norm1.linear", 12 * hidden, step),
                    Norm(name="norm1", width=hidden, scaled=False),
                    *encoder_attention(hidden, heads, path="attn1", names=PROJECTIONS, bias=True, norms=head_norms),
                    Norm(name="norm2", width=hidden, scaled=False),
                    *plain_feed_forward(hidden),
                ),
                indices=tuple(range(config.integer("num_layers", default=30, most=DEEPEST_STACK))),
                over="both",
            ),
        ),
        last=(
            of_image("norm_out.linear", 2 * hidden, step),
            Norm(name="norm_out", width=hidden, scaled=False),
            plain("proj_out", patch**2 * config.integer("out_channels", default=16), hidden, bias=True),
        ),
        # with and without the prompt one after the other, not at once
        latents=Latents(patch=patch, channels=inputs, passes=1, prompt=PROMPT, joint=True, side=side_of(config)),
    )
