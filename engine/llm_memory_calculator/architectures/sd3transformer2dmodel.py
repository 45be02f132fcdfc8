"""The transformer of Stable Diffusion 3 and 3.5: two streams that attend as one, the prompt's ending early."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ._blocks import grouped
from ._diffusion import (
    channels_out,
    diffusion_model,
    joint_block,
    joint_embeddings,
    patch_projection,
    patches_out,
    read_transformer_heads,
    side_of,
)

# 77 positions of the CLIP encoders and 256 of T5: max_sequence_length of the pipeline.
PROMPT = 333


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 18, 64)
    patch, first = patch_projection(config, hidden, 16)
    depth = config.integer("num_layers", default=18, most=DEEPEST_STACK)
    twice = set(config.integers("dual_attention_layers", default=()))
    normed = config.has("qk_norm") and config.text("qk_norm") != ""
    channels = channels_out(config, first.inputs, 16)
    context = config.integer("caption_projection_dim", default=1152)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(first, *joint_embeddings(config, hidden, prompt=4096, pooled=2048, context=context)),
        stack=grouped(
            [(index in twice, index == depth - 1) for index in range(depth)],
            lambda kind: joint_block(hidden, heads, normed=normed, twice=kind[0], last=kind[1]),
            "transformer_blocks.{index}",
        ),
        last=patches_out(hidden, patch**2 * channels),
        latents=Latents(patch=patch, channels=channels, prompt=PROMPT, joint=True, side=side_of(config)),
    )
