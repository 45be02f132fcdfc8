"""Qwen-Image's transformer, two streams that attend as one throughout, and the ControlNet of its first layers."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Embedding, Norm
from ._blocks import Operators, plain
from ._diffusion import (
    Stream,
    diffusion_model,
    embedding,
    handed,
    joint_block,
    of_prompt,
    patches_out,
    read_transformer_heads,
)

# max_sequence_length of the pipeline.
PROMPT = 512
IMAGE, TEXT = (
    Stream(modulation=f"{name}_mod", linear="1", norm=f"{name}_norm2", forward=f"{name}_mlp") for name in ("img", "txt")
)


def qwen_image(config: Config, *, controls: bool = False) -> Architecture:
    """The transformer; where it `controls` another, each layer ends in a product for that one's layer."""
    hidden, heads = read_transformer_heads(config, 24, 128)
    inputs = config.integer("in_channels", default=64)
    patch = config.integer("patch_size", default=2)
    prompt = config.integer("joint_attention_dim", default=3584)
    path = "time_text_embed"
    # whether there is a layer of an image to be taken apart (Qwen-Image-Layered)
    layered = config.boolean("use_additional_t_cond", default=False)
    table = Embedding(name=f"{path}.addition_t_embedding", entries=2, width=hidden, part="positions")
    depth = config.integer("num_layers", default=60, most=DEEPEST_STACK)
    ends: Operators = ()
    hint: Operators = ()
    if controls:
        extra = config.integer("extra_condition_channels", default=0, least=0)
        hint = (plain("controlnet_x_embedder", hidden, inputs + extra, bias=True),)
    else:
        ends = patches_out(hidden, patch**2 * config.integer("out_channels", default=16))
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            *embedding(f"{path}.timestep_embedder", 256, hidden),
            *((table,) if layered else ()),
            Norm(name="txt_norm", width=prompt),
            plain("img_in", hidden, inputs, bias=True),
            of_prompt("txt_in", hidden, prompt),
            *hint,
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=joint_block(hidden, heads, normed=True, streams=(IMAGE, TEXT)),
                indices=tuple(range(depth)),
            ),
            *(handed("controlnet_blocks", hidden, depth) if controls else ()),
        ),
        last=ends,
        # with and without the prompt one after the other, not at once
        latents=Latents(patch=patch, channels=inputs // patch**2, passes=1, prompt=PROMPT, joint=True, side=128),
    )
