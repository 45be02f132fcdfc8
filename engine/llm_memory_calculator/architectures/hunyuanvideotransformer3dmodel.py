"""The transformer of HunyuanVideo: Flux's layers over patches of frames, after layers that refine the prompt."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..images import Latents
from ..operators import Norm
from ._blocks import Heads, Operators
from ._diffusion import (
    PROJECTIONS,
    diffusion_model,
    embedding,
    joint_block,
    of_image,
    of_prompt,
    over_the_prompt,
    patches_out,
    plain_feed_forward,
    read_transformer_heads,
    single_block,
    step_and_prompt,
)
from ._encoders import encoder_attention
from ._video import conv3d

# max_sequence_length, num_frames, height and width of the pipeline.
PROMPT, FRAMES, SIZE = 256, 129, (720, 1280)


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 24, 128)
    inputs = config.integer("in_channels", default=16)
    outputs = config.integer("out_channels", default=16)
    patch, frames = config.integer("patch_size", default=2), config.integer("patch_size_t", default=1)
    kind = config.text("image_condition_type", default="") if config.has("image_condition_type") else ""
    if kind not in ("", "latent_concat", "token_replace"):
        raise ConfigError(
            f"The config's image_condition_type must be null, 'latent_concat' or 'token_replace', and is {shown(kind)}."
        )
    prompt = config.integer("text_embed_dim", default=4096)
    wide = int(hidden * config.real("mlp_ratio", default=4.0, most=64))
    path = "context_embedder"

    def forward(width: int, name: str) -> Operators:
        return plain_feed_forward(width, name, wide)

    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            conv3d("x_embedder.proj", inputs, hidden, frames * patch**2),
            *step_and_prompt(config, hidden, pooled=768, guided=config.boolean("guidance_embeds", default=True)),
            *embedding(f"{path}.time_text_embed.timestep_embedder", 256, hidden),
            *(embedding(f"{path}.time_text_embed.text_embedder", prompt, hidden)),
            of_prompt(f"{path}.proj_in", hidden, prompt),
        ),
        stack=(
            Layer(
                path=f"{path}.token_refiner.refiner_blocks.{{index}}",
                operators=_refiner(hidden, heads, wide),
                indices=_indices(config, "num_refiner_layers", 2),
            ),
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, forward=forward),
                indices=_indices(config, "num_layers", 20),
            ),
            Layer(
                path="single_transformer_blocks.{index}",
                operators=single_block(hidden, heads, wide),
                indices=_indices(config, "num_single_layers", 40),
            ),
        ),
        last=patches_out(hidden, frames * patch**2 * outputs),
        latents=Latents(
            patch=patch,
            channels=outputs,
            passes=1,
            prompt=PROMPT,
            joint=True,
            frames=FRAMES,
            frame_patch=frames,
            size_of_pipeline=SIZE,
        ),
    )


def _refiner(hidden: int, heads: Heads, wide: int) -> Operators:
    """A layer over the prompt alone, which the step scales."""
    return over_the_prompt(
        (
            Norm(name="norm1", width=hidden, bias=True),
            *encoder_attention(hidden, heads, path="attn", names=PROJECTIONS, bias=True),
            Norm(name="norm2", width=hidden, bias=True),
            *plain_feed_forward(hidden, "ff", wide),
            of_image("norm_out.linear", 2 * hidden, hidden),
        )
    )


def _indices(config: Config, name: str, default: int) -> tuple[int, ...]:
    return tuple(range(config.integer(name, default=default, least=0, most=DEEPEST_STACK)))
