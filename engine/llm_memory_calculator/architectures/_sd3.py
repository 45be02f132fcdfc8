"""Stable Diffusion 3's transformer, and the ControlNet that is its first layers once more."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..images import Latents
from ..operators import Learned
from ._blocks import Operators, grouped
from ._diffusion import (
    channels_out,
    conv,
    diffusion_model,
    handed,
    joint_block,
    joint_embeddings,
    patch_projection,
    patches_out,
    read_transformer_heads,
    side_of,
)

# 77 positions of the CLIP encoders and 256 of T5: max_sequence_length of the pipeline.
PROMPT = 333


def sd3(config: Config, *, controls: bool = False) -> Architecture:
    """The transformer; where it `controls` another, each layer ends in a product for that one's layer."""
    hidden, heads = read_transformer_heads(config, 18, 64)
    patch, first = patch_projection(config, hidden, 16)
    depth = config.integer("num_layers", default=18, most=DEEPEST_STACK)
    twice = set(config.integers("dual_attention_layers", default=()))
    normed = config.has("qk_norm") and config.text("qk_norm") != ""
    channels = channels_out(config, first.inputs, 16)
    context = config.integer("caption_projection_dim", default=1152)
    # a table of sines and cosines, of which an image takes the middle
    positions = config.integer("pos_embed_max_size", default=96) ** 2 * hidden
    ends: Operators = patches_out(hidden, patch**2 * channels)
    hint: Operators = ()
    if controls:
        if "joint_attention_dim" in config.values and not config.has("joint_attention_dim"):
            raise ConfigError(
                "The config's joint_attention_dim is null: a ControlNet without a prompt is not described."
            )
        extra = config.integer("extra_conditioning_channels", default=0, least=0)
        hint, ends = (conv("pos_embed_input.proj", first.inputs + extra, hidden, patch),), ()
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            first,
            Learned(name="pos_embed.pos_embed", size=positions, trained=False),
            *hint,
            *joint_embeddings(config, hidden, prompt=4096, pooled=2048, context=context),
        ),
        stack=(
            *grouped(
                [(index in twice, index == depth - 1 and not controls) for index in range(depth)],
                lambda kind: joint_block(hidden, heads, normed=normed, twice=kind[0], last=kind[1]),
                "transformer_blocks.{index}",
            ),
            *(handed("controlnet_blocks", hidden, depth) if controls else ()),
        ),
        last=ends,
        latents=Latents(patch=patch, channels=channels, prompt=PROMPT, joint=True, side=side_of(config)),
    )
