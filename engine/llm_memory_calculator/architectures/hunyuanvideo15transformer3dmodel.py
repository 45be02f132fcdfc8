"""The transformer of HunyuanVideo 1.5: two streams throughout, the prompt's of two encoders and of an image."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..images import Latents
from ..operators import Embedding, Norm
from ._blocks import Operators
from ._diffusion import (
    diffusion_model,
    embedding,
    joint_block,
    of_prompt,
    patches_out,
    plain_feed_forward,
    read_transformer_heads,
)
from ._hunyuan import layers_of, refiner, refiner_embeddings
from ._video import conv3d

# positions of Qwen2.5-VL, of ByT5 and of an image in the pipeline, and its frames
PROMPT, FRAMES = 1000 + 256 + 729, 121
# values between the matrices of what projects ByT5's
BETWEEN = 2048


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 16, 128)
    inputs, outputs = config.integer("in_channels", default=65), config.integer("out_channels", default=32)
    patch, frames = config.integer("patch_size", default=1), config.integer("patch_size_t", default=1)
    wide = int(hidden * config.real("mlp_ratio", default=4.0, most=64))
    meanflow = config.boolean("use_meanflow", default=False)

    def forward(width: int, name: str) -> Operators:
        return plain_feed_forward(width, name, wide)

    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            conv3d("x_embedder.proj", inputs, hidden, frames * patch**2),
            *_image(config.integer("image_embed_dim", default=1152), hidden),
            *refiner_embeddings(config.integer("text_embed_dim", default=3584), hidden),
            *_letters(config.integer("text_embed_2_dim", default=1472), hidden),
            *embedding("time_embed.timestep_embedder", 256, hidden),
            *(embedding("time_embed.timestep_embedder_r", 256, hidden) if meanflow else ()),
            Embedding(name="cond_type_embed", entries=3, width=hidden, part="positions"),
        ),
        stack=(
            refiner(config, hidden, heads, wide),
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, forward=forward),
                indices=layers_of(config, "num_layers", 54),
            ),
        ),
        last=patches_out(hidden, frames * patch**2 * outputs),
        latents=Latents(
            # those of its autoencoder
            scale=16,
            frame_scale=4,
            patch=patch,
            channels=inputs,
            # with and without the prompt one after the other, not at once
            passes=1,
            prompt=PROMPT,
            joint=True,
            frames=FRAMES,
            frame_patch=frames,
        ),
    )


def _image(width: int, hidden: int) -> Operators:
    """From an encoded image to positions beside the prompt's."""
    path = "image_embedder"
    return (
        Norm(name=f"{path}.norm_in", width=width, bias=True),
        of_prompt(f"{path}.linear_1", width, width),
        of_prompt(f"{path}.linear_2", hidden, width),
        Norm(name=f"{path}.norm_out", width=hidden, bias=True),
    )


def _letters(width: int, hidden: int) -> Operators:
    """From what ByT5 gives of the letters to be written."""
    path = "context_embedder_2"
    return (
        Norm(name=f"{path}.norm", width=width, bias=True),
        of_prompt(f"{path}.linear_1", BETWEEN, width),
        of_prompt(f"{path}.linear_2", BETWEEN, BETWEEN),
        of_prompt(f"{path}.linear_3", hidden, BETWEEN),
    )
