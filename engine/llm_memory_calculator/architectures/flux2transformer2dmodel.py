"""The transformer of FLUX.2: Flux's streams with gated feed-forwards, no biases and scales that all layers share."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Activation, Linear, Norm, Output
from ._blocks import Operators, gated_feed_forward, plain
from ._diffusion import (
    diffusion_model,
    embedding,
    head_norms,
    joint_block,
    of_image,
    of_prompt,
    patches_out,
    read_transformer_heads,
)
from ._encoders import two_sided

# max_sequence_length of the pipeline.
PROMPT = 512


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 48, 128)
    inputs = config.integer("in_channels", default=128)
    wide = int(hidden * config.real("mlp_ratio", default=3.0, most=64))
    frequencies = config.integer("timestep_guidance_channels", default=256)
    guided = config.boolean("guidance_embeds", default=True)
    patch = config.integer("patch_size", default=1)

    def gated(width: int, path: str) -> Operators:
        return gated_feed_forward(width, wide, path=path, names=("linear_in", "linear_in", "linear_out"))

    fused, out = "attn.to_qkv_mlp_proj", "attn.to_out"
    single: Operators = (
        Norm(name="norm", width=hidden, scaled=False),
        Linear(
            name=fused,
            outputs=(
                Output(name=fused, units=3 * hidden, part="mixer"),
                Output(name=fused, units=2 * wide, part="gate_up"),
            ),
            input_units=hidden,
        ),
        *head_norms(heads, ("norm_q", "norm_k"), present=True),
        two_sided(heads, "attn"),
        Activation(name="attn.act", width=wide),
        plain(out, hidden, hidden + wide, part="down"),
    )
    depth = config.integer("num_layers", default=8, least=0, most=DEEPEST_STACK)
    singles = config.integer("num_single_layers", default=48, least=0, most=DEEPEST_STACK)
    step = "time_guidance_embed"
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("x_embedder", hidden, inputs),
            of_prompt("context_embedder", hidden, config.integer("joint_attention_dim", default=15_360), bias=False),
            *embedding(f"{step}.timestep_embedder", frequencies, hidden, bias=False),
            *(embedding(f"{step}.guidance_embedder", frequencies, hidden, bias=False) if guided else ()),
            of_image("double_stream_modulation_img.linear", 6 * hidden, hidden, bias=False),
            of_image("double_stream_modulation_txt.linear", 6 * hidden, hidden, bias=False),
            of_image("single_stream_modulation.linear", 3 * hidden, hidden, bias=False),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, bias=False, scales=False, forward=gated),
                indices=tuple(range(depth)),
            ),
            Layer(
                path="single_transformer_blocks.{index}", operators=single, indices=tuple(range(singles)), over="both"
            ),
        ),
        last=patches_out(hidden, patch**2 * config.integer("out_channels", default=inputs), bias=False),
        # the pipeline packs 2 x 2 latents of 32 values into one position before the model sees them
        latents=Latents(patch=2, channels=inputs // 4, passes=1, prompt=PROMPT, joint=True, side=128),
    )
