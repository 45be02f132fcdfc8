"""The transformer of Sana: linear attention to the image, then across to the prompt, and convolutions."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..images import Latents
from ..operators import Learned, Norm
from ._blocks import Heads, Operators, plain
from ._diffusion import (
    PROJECTIONS,
    caption,
    channels_out,
    conv,
    diffusion_model,
    embedding,
    of_image,
    read_transformer_heads,
    side_of,
    whole_norms,
)
from ._encoders import cross_attention, encoder_attention
from ._sana import convolved_feed_forward

# max_sequence_length of the pipeline.
PROMPT = 300
NORMS = "rms_norm_across_heads"


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 70, 32)
    inputs, patch = config.integer("in_channels", default=32), config.integer("patch_size", default=1)
    guided = config.boolean("guidance_embeds", default=False)
    step = "time_embed" if guided else "time_embed.emb"
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            conv("patch_embed.proj", inputs, hidden, patch),
            *embedding(f"{step}.timestep_embedder", 256, hidden),
            *(embedding(f"{step}.guidance_embedder", 256, hidden) if guided else ()),
            of_image("time_embed.linear", 6 * hidden, hidden),
            *caption("caption_projection", config.integer("caption_channels", default=2304), hidden),
            Norm(name="caption_norm", width=hidden),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=_block(config, hidden, heads),
                indices=tuple(range(config.integer("num_layers", default=20, most=DEEPEST_STACK))),
            ),
        ),
        last=(
            Norm(name="norm_out", width=hidden, scaled=False),
            Learned(name="scale_shift_table", size=2 * hidden),
            plain("proj_out", patch**2 * channels_out(config, inputs, 32), hidden, bias=True),
        ),
        latents=Latents(
            # that of its autoencoder
            scale=32,
            patch=patch,
            channels=inputs,
            # a model that learned the guidance needs no second pass (Sprint)
            passes=1 if guided else 2,
            prompt=PROMPT,
            side=side_of(config),
        ),
    )


def _block(config: Config, hidden: int, heads: Heads) -> Operators:
    normed = config.text("qk_norm") if config.has("qk_norm") else ""
    if normed not in ("", NORMS):
        raise ConfigError(f"The config's qk_norm must be null or {NORMS!r}, and is {shown(normed)}.")
    count = config.integer("num_cross_attention_heads", default=20)
    across = Heads(query=count, kv=count, dim=config.integer("cross_attention_head_dim", default=112))
    width = int(hidden * config.real("mlp_ratio", default=2.5, most=64))
    learned = config.boolean("norm_elementwise_affine", default=False)
    return (
        Learned(name="scale_shift_table", size=6 * hidden),
        Norm(name="norm1", width=hidden, scaled=False),
        *encoder_attention(
            hidden,
            heads,
            path="attn1",
            names=PROJECTIONS,
            bias=config.boolean("attention_bias", default=False),
            out_bias=True,
            norms=whole_norms(heads, "attn1") if normed else (),
            linear=True,
        ),
        Norm(name="norm2", width=hidden, bias=learned, scaled=learned),
        *cross_attention(
            hidden,
            across,
            path="attn2",
            names=PROJECTIONS,
            source_width=config.integer("cross_attention_dim", default=2240),
            bias=True,
            norms=whole_norms(across, "attn2") if normed else (),
            cached=False,
        ),
        *convolved_feed_forward(hidden, width, "ff"),
    )
