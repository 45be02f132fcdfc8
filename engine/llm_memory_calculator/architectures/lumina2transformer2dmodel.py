"""The transformer of Lumina-Image 2: one sequence of image and prompt, with fewer keys than queries."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Norm
from ._blocks import Heads, Operators, check_heads, plain, share
from ._diffusion import channels_out, diffusion_model, embedding, of_image, of_prompt, side_of
from ._lumina import lumina_block, lumina_stack

# max_sequence_length of the pipeline.
PROMPT = 256
# the most values of the step's embedding
STEP = 1024


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size", default=2304)
    query, kv = config.integer("num_attention_heads", default=24), config.integer("num_kv_heads", default=8)
    check_heads(query, kv)
    heads = Heads(query=query, kv=kv, dim=share(hidden, query))
    patch, inputs = config.integer("patch_size", default=2), config.integer("in_channels", default=16)
    step, multiple = min(hidden, STEP), config.integer("multiple_of", default=256)
    inner = 4 * hidden
    if config.has("ffn_dim_multiplier"):
        inner = int(config.real("ffn_dim_multiplier", most=64) * inner)
    width = multiple * -(-inner // multiple)

    def block(*, scaled: bool) -> Operators:
        return lumina_block(
            hidden,
            heads,
            width=width,
            path="attn",
            forward=("linear_1", "linear_3", "linear_2"),
            norms=("norm1.norm" if scaled else "norm1", "norm2", "ffn_norm1", "ffn_norm2"),
            scales=of_image("norm1.linear", 4 * hidden, step) if scaled else None,
        )

    prompt = config.integer("cap_feat_dim", default=1024)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("x_embedder", hidden, patch**2 * inputs, bias=True),
            *embedding("time_caption_embed.timestep_embedder", 256, step),
            Norm(name="time_caption_embed.caption_embedder.0", width=prompt),
            of_prompt("time_caption_embed.caption_embedder.1", hidden, prompt),
        ),
        stack=lumina_stack(
            block(scaled=True),
            block(scaled=False),
            depth=config.integer("num_layers", default=26, most=DEEPEST_STACK),
            refiners=config.integer("num_refiner_layers", default=2, least=0, most=DEEPEST_STACK),
        ),
        last=(
            of_image("norm_out.linear_1", hidden, step),
            Norm(name="norm_out", width=hidden, scaled=False),
            plain("norm_out.linear_2", patch**2 * channels_out(config, inputs, inputs), hidden, bias=True),
        ),
        # with and without the prompt one after the other, not at once
        latents=Latents(patch=patch, channels=inputs, passes=1, prompt=PROMPT, joint=True, side=side_of(config)),
    )
