"""The transformer of HiDream: two streams, then one, whose feed-forwards over the image are mixtures of experts."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..images import Latents
from ..operators import Norm
from ._blocks import Heads, Operators, gated_feed_forward, mixture, plain
from ._diffusion import (
    diffusion_model,
    embedding,
    of_image,
    of_prompt,
    over_the_prompt,
    read_transformer_heads,
)
from ._encoders import encoder_attention

# positions of T5, of Llama's last layer and of Llama's layer for each block: max_sequence_length of the pipeline
PROMPT = 3 * 128
EXPERT = ("w1", "w3", "w2")


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 20, 128)
    inputs, patch = config.integer("in_channels", default=16), config.integer("patch_size", default=2)
    depth = config.integer("num_layers", default=16, least=0, most=DEEPEST_STACK)
    singles = config.integer("num_single_layers", default=32, least=0, most=DEEPEST_STACK)
    captions = config.integers("caption_channels", least=1)
    if len(captions) != 2:
        raise ConfigError(
            f"The config's caption_channels must be the widths of T5 and of Llama, and is {shown(list(captions))}."
        )
    image, both = _forward(config, hidden), _attend(hidden, heads)
    single: Operators = (*_scaled(6, hidden, ("norm1_i", "norm3_i")), *both, *image)
    double: Operators = (
        *_scaled(12, hidden, ("norm1_i", "norm1_t", "norm3_i", "norm3_t")),
        *both,
        *over_the_prompt(_attend(hidden, heads, "_t")),
        *image,
        *over_the_prompt(_swiglu(hidden, 4 * hidden, "block.ff_t")),
    )
    # Llama's layers for each block, then T5
    widths = [captions[1]] * (depth + singles) + [captions[0]]
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            plain("x_embedder.proj", hidden, patch**2 * inputs, bias=True),
            *embedding("t_embedder.timestep_embedder", 256, hidden),
            *embedding("p_embedder.pooled_embedder", config.integer("text_emb_dim", default=2048), hidden),
            *(
                of_prompt(f"caption_projection.{number}.linear", hidden, width, bias=False)
                for number, width in enumerate(widths)
            ),
        ),
        stack=(
            Layer(path="double_stream_blocks.{index}", operators=double, indices=tuple(range(depth))),
            Layer(path="single_stream_blocks.{index}", operators=single, indices=tuple(range(singles))),
        ),
        last=(
            of_image("final_layer.adaLN_modulation.1", 2 * hidden, hidden),
            Norm(name="final_layer.norm_final", width=hidden, scaled=False),
            plain("final_layer.linear", patch**2 * config.integer("out_channels", default=inputs), hidden, bias=True),
        ),
        latents=Latents(patch=patch, channels=inputs, prompt=PROMPT, joint=True, side=128),
    )


def _scaled(times: int, hidden: int, norms: tuple[str, ...]) -> Operators:
    """Scales, shifts and gates of both blocks, and the norms that learn none."""
    return (
        of_image("block.adaLN_modulation.1", times * hidden, hidden),
        *(Norm(name=f"block.{name}", width=hidden, scaled=False) for name in norms),
    )


def _attend(hidden: int, heads: Heads, suffix: str = "") -> Operators:
    """Attention of one stream, norms over all heads at once."""
    path = "block.attn1"
    norms = tuple(
        Norm(name=f"{path}.{name}_rms_norm{suffix}", width=heads.dim, heads=heads.query, own_scales=True)
        for name in ("q", "k")
    )
    query, key, value, out = (f"to_{name}{suffix}" for name in ("q", "k", "v", "out"))
    return encoder_attention(hidden, heads, path=path, names=(query, key, value, out), bias=True, norms=norms)


def _swiglu(hidden: int, width: int, path: str, *, shared: bool = False) -> Operators:
    """A gated feed-forward of two thirds of the width, in multiples of 256."""
    return gated_feed_forward(hidden, _wide(width), path=path, names=EXPERT, shared=shared)


def _wide(width: int) -> int:
    return 256 * -(-int(2 * width / 3) // 256)


def _forward(config: Config, hidden: int) -> Operators:
    path, count = "block.ff_i", config.integer("num_routed_experts", default=4, least=0)
    if not count:
        return _swiglu(hidden, 4 * hidden, path)
    return mixture(
        hidden,
        count=count,
        active=config.integer("num_activated_experts", default=2),
        width=_wide(4 * hidden),
        router=f"{path}.gate",
        module=f"{path}.experts",
        names=EXPERT,
        shared=_swiglu(hidden, 2 * hidden, f"{path}.shared_experts", shared=True),
    )
