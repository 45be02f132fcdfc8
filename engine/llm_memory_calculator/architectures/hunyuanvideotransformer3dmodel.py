"""The transformer of HunyuanVideo: Flux's layers over patches of frames, after layers that refine the prompt."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..images import Latents
from ._blocks import Operators
from ._diffusion import (
    diffusion_model,
    joint_block,
    patches_out,
    plain_feed_forward,
    read_transformer_heads,
    single_block,
    step_and_prompt,
)
from ._hunyuan import layers_of, refiner, refiner_embeddings
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
    wide = int(hidden * config.real("mlp_ratio", default=4.0, most=64))

    def forward(width: int, name: str) -> Operators:
        return plain_feed_forward(width, name, wide)

    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            conv3d("x_embedder.proj", inputs, hidden, frames * patch**2),
            *step_and_prompt(config, hidden, pooled=768, guided=config.boolean("guidance_embeds", default=True)),
            *refiner_embeddings(config.integer("text_embed_dim", default=4096), hidden),
        ),
        stack=(
            refiner(config, hidden, heads, wide),
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, forward=forward),
                indices=layers_of(config, "num_layers", 20),
            ),
            Layer(
                path="single_transformer_blocks.{index}",
                operators=single_block(hidden, heads, wide),
                indices=layers_of(config, "num_single_layers", 40),
                over="both",
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
            # that of its autoencoder
            frame_scale=4,
            frame_patch=frames,
            size_of_pipeline=SIZE,
        ),
    )
