"""The transformer of Flux: layers of two streams that attend as one, then layers of one stream in parallel blocks."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Activation, Part
from ._blocks import plain
from ._diffusion import (
    diffusion_model,
    head_norms,
    joint_block,
    joint_embeddings,
    modulation,
    patches_out,
    read_transformer_heads,
)
from ._encoders import two_sided

# max_sequence_length of the pipeline.
PROMPT = 512
_PROJECTIONS: tuple[Part, ...] = ("q", "k", "v")


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 24, 128)
    inputs = config.integer("in_channels", default=64)
    wide = 4 * hidden
    single = (
        *modulation("norm", 3, hidden),
        plain("proj_mlp", wide, hidden, bias=True, part="up"),
        *(plain(f"attn.to_{part}", hidden, hidden, bias=True, part=part) for part in _PROJECTIONS),
        *head_norms(heads, ("norm_q", "norm_k"), present=True),
        two_sided(heads, "attn"),
        Activation(name="act_mlp", width=wide, gated=False),
        plain("proj_out", hidden, hidden + wide, bias=True, part="down"),
    )
    depth = config.integer("num_layers", default=19, least=0, most=DEEPEST_STACK)
    singles = config.integer("num_single_layers", default=38, least=0, most=DEEPEST_STACK)
    patch = config.integer("patch_size", default=1)
    guided = config.boolean("guidance_embeds", default=False)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("x_embedder", hidden, inputs, bias=True),
            *joint_embeddings(config, hidden, prompt=4096, pooled=768, context=hidden, guided=guided),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True),
                indices=tuple(range(depth)),
            ),
            Layer(
                path="single_transformer_blocks.{index}",
                operators=single,
                indices=tuple(range(singles)),
            ),
        ),
        last=patches_out(hidden, patch, config.integer("out_channels", default=inputs)),
        # the pipeline packs 2 x 2 latents of 16 values into one position before the model sees them
        latents=Latents(patch=2, channels=inputs // 4, passes=1, prompt=PROMPT, joint=True, side=128),
    )
