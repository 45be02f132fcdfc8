"""The transformer of LTX-Video: attention to all frames, then across to the prompt, on latents without patches."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Learned, Norm
from ._blocks import plain
from ._diffusion import (
    caption,
    diffusion_model,
    embedding,
    of_image,
    plain_feed_forward,
    read_transformer_heads,
    tabled_block,
)

# max_sequence_length, num_frames, height and width of the pipeline.
PROMPT, FRAMES, SIZE = 128, 161, (512, 704)


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 32, 64)
    inputs = config.integer("in_channels", default=128)
    block = tabled_block(
        hidden,
        heads,
        prompt=config.integer("cross_attention_dim", default=2048),
        forward=plain_feed_forward(hidden),
        bias=config.boolean("attention_bias", default=True),
        out_bias=config.boolean("attention_out_bias", default=True),
        norms=("norm1", "", "norm2"),
        scaled=config.boolean("norm_elementwise_affine", default=False),
    )
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("proj_in", hidden, inputs, bias=True),
            *embedding("time_embed.emb.timestep_embedder", 256, hidden),
            of_image("time_embed.linear", 6 * hidden, hidden),
            *caption("caption_projection", config.integer("caption_channels", default=4096), hidden),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=block,
                indices=tuple(range(config.integer("num_layers", default=28, most=DEEPEST_STACK))),
            ),
        ),
        last=(
            Norm(name="norm_out", width=hidden, scaled=False),
            Learned(name="scale_shift_table", size=2 * hidden),
            plain("proj_out", config.integer("out_channels", default=inputs), hidden, bias=True),
        ),
        latents=Latents(
            # those of its autoencoder
            scale=32,
            frame_scale=8,
            patch=config.integer("patch_size", default=1),
            channels=inputs,
            prompt=PROMPT,
            frames=FRAMES,
            frame_patch=config.integer("patch_size_t", default=1),
            size_of_pipeline=SIZE,
        ),
    )
