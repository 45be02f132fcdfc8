"""The transformer of CogVideoX: prompt and frames are one sequence, which the step scales apart."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import Latents
from ..operators import Learned, Norm
from ._blocks import Heads, Operators, plain
from ._diffusion import (
    PROJECTIONS,
    channels_out,
    diffusion_model,
    embedding,
    of_image,
    of_prompt,
    plain_feed_forward,
    read_transformer_heads,
)
from ._encoders import encoder_attention
from ._video import conv3d


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 30, 64)
    inputs = config.integer("in_channels", default=16)
    outputs = channels_out(config, inputs, 16)
    step = config.integer("time_embed_dim", default=512)
    patch, frames = config.integer("patch_size", default=2), config.optional_integer("patch_size_t")
    prompt = config.integer("max_text_seq_length", default=226)
    scaled = config.boolean("norm_elementwise_affine", default=True)
    bias = config.boolean("attention_bias", default=True)
    length = config.integer("sample_frames", default=49)
    rows, columns = config.integer("sample_height", default=60), config.integer("sample_width", default=90)
    compression = config.integer("temporal_compression_ratio", default=4)
    offset = config.optional_integer("ofs_embed_dim", least=0)

    def norm(name: str, times: int) -> Operators:
        return (
            of_image(f"{name}.linear", times * hidden, step),
            Norm(name=f"{name}.norm", width=hidden, bias=scaled, scaled=scaled),
        )

    # CogVideoX 1.5 makes one position of two latent frames, by a matrix
    cut = patch**2 * (frames or 1)
    patches = (
        conv3d("patch_embed.proj", inputs, hidden, cut, bias=config.boolean("patch_bias", default=True))
        if frames is None
        else plain("patch_embed.proj", hidden, inputs * cut, bias=True)
    )
    positions: Operators = ()
    if config.boolean("use_learned_positional_embeddings", default=False):
        compressed = (length - 1) // compression + 1
        places = prompt + compressed * (rows // patch) * (columns // patch)
        positions = (Learned(name="patch_embed.pos_embedding", size=places * hidden, trained=False),)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            patches,
            of_prompt("patch_embed.text_proj", hidden, config.integer("text_embed_dim", default=4096)),
            *positions,
            *embedding("time_embedding", hidden, step),
            *(embedding("ofs_embedding", offset, offset) if offset else ()),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=(
                    *norm("norm1", 6),
                    *encoder_attention(
                        hidden,
                        heads,
                        path="attn1",
                        names=PROJECTIONS,
                        bias=bias,
                        out_bias=True,
                        norms=_head_norms(heads),
                    ),
                    *norm("norm2", 6),
                    *plain_feed_forward(hidden),
                ),
                indices=tuple(range(config.integer("num_layers", default=30, most=DEEPEST_STACK))),
                over="both",
            ),
        ),
        last=(
            Norm(name="norm_final", width=hidden, bias=scaled, scaled=scaled),
            *norm("norm_out", 2),
            plain("proj_out", cut * outputs, hidden, bias=True),
        ),
        latents=Latents(
            patch=patch,
            channels=outputs,
            prompt=prompt,
            joint=True,
            frames=length,
            frame_scale=compression,
            frame_patch=frames or 1,
            size_of_pipeline=(8 * rows, 8 * columns),
        ),
    )


def _head_norms(heads: Heads) -> Operators:
    """LayerNorms of the queries and keys of each head."""
    return tuple(
        Norm(name=f"attn1.{name}", width=heads.dim, heads=heads.query, bias=True) for name in ("norm_q", "norm_k")
    )
