"""The transformer of Z-Image: one sequence of image and prompt."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..images import Latents
from ..operators import Learned, Norm
from ._blocks import Operators, equal_heads, plain
from ._diffusion import diffusion_model, of_image, of_prompt
from ._lumina import lumina_block, lumina_stack

# max_sequence_length of the pipeline.
PROMPT = 512
# the most values of the step's embedding, and those between its two products
STEP, BETWEEN = 256, 1024


def build(config: Config) -> Architecture:
    hidden = config.integer("dim", default=3840)
    heads = equal_heads(hidden, config.integer("n_heads", default=30))
    inputs, step = config.integer("in_channels", default=16), min(hidden, STEP)
    refiners = config.integer("n_refiner_layers", default=2, least=0, most=DEEPEST_STACK)
    normed = config.boolean("qk_norm", default=True)
    patches = config.integers("all_patch_size", default=(2,), least=1)
    frames = config.integers("all_f_patch_size", default=(1,), least=1)
    if not patches or len(patches) != len(frames) or len(patches) > 16:
        raise ConfigError(
            "The config's all_patch_size and all_f_patch_size must have an entry for each kind of patch, 16 at most."
        )

    def block(*, scaled: bool) -> Operators:
        return lumina_block(
            hidden,
            heads,
            width=int(hidden / 3 * 8),
            path="attention",
            forward=("w1", "w3", "w2"),
            norms=("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"),
            scales=of_image("adaLN_modulation.0", 4 * hidden, step) if scaled else None,
            normed=normed,
        )

    def given(path: str, width: int) -> Operators:
        return (Norm(name=f"{path}_embedder.0", width=width), of_prompt(f"{path}_embedder.1", hidden, width))

    # images that are given are encoded beside the prompt (Omni)
    image = config.optional_integer("siglip_feat_dim")
    seen: tuple[Layer, ...] = ()
    if image is not None:
        seen = (Layer(path="siglip_refiner.{index}", operators=block(scaled=False), indices=tuple(range(refiners))),)
    kinds = [(f"{side}-{times}", times * side**2 * inputs) for side, times in zip(patches, frames, strict=True)]
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            *(plain(f"all_x_embedder.{kind}", hidden, values, bias=True) for kind, values in kinds),
            of_image("t_embedder.mlp.0", BETWEEN, 256),
            of_image("t_embedder.mlp.2", step, BETWEEN),
            *given("cap", config.integer("cap_feat_dim", default=2560)),
            *(() if image is None else given("siglip", image)),
            *(
                Learned(name=f"{name}_pad_token", size=hidden)
                for name in ("x", "cap", *(("siglip",) if image is not None else ()))
            ),
        ),
        stack=(
            *lumina_stack(
                block(scaled=True),
                block(scaled=False),
                depth=config.integer("n_layers", default=30, most=DEEPEST_STACK),
                refiners=refiners,
            ),
            *seen,
        ),
        last=tuple(
            operator
            for kind, values in kinds
            for operator in (
                of_image(f"all_final_layer.{kind}.adaLN_modulation.1", hidden, step),
                Norm(name=f"all_final_layer.{kind}.norm_final", width=hidden, scaled=False),
                plain(f"all_final_layer.{kind}.linear", values, hidden, bias=True),
            )
        ),
        latents=Latents(patch=patches[0], channels=inputs, prompt=PROMPT, joint=True, side=128),
    )
