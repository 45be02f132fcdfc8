"""Idefics2: SigLIP at any size up to 980 pixels, a perceiver that makes 64 latents of its patches, and a Mistral."""

from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import ImageSize
from ..operators import Learned, Norm
from ._blocks import Heads, Operators, check_heads, gated_feed_forward
from ._encoders import encoder_attention
from ._towers import multimodal, siglip, tower, two_matrices


@dataclass(frozen=True, slots=True, kw_only=True)
class ResampledImages:
    """Sides kept within bounds, any number of patches resampled into `tokens` latents (Idefics2).

    `parts`: the image is shown in four quarters too.
    """

    patch: int
    shortest: int
    longest: int
    tokens: int
    parts: int = 5

    def size(self, height: int, width: int) -> ImageSize:
        shown = [(height, width)]
        if self.parts > 1:
            rows, columns = ((side // 2 or 1, side - side // 2) for side in (height, width))
            shown += [(row, column) for row in rows for column in columns]
        return ImageSize(sum(self._patches(*sides) for sides in shown), self.parts * self.tokens)

    def _patches(self, height: int, width: int) -> int:
        ratio = width / height
        if max(height, width) > self.longest:
            lies = width >= height
            height, width = (
                (int(self.longest / ratio), self.longest) if lies else (self.longest, int(self.longest * ratio))
            )
        rows, columns = (max(self.shortest, side) // self.patch for side in (height, width))
        return rows * columns


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={}).completed({"patch_size": 32})
    found = siglip(vision, "model.vision_model", head=False)
    perceiver = config.section("perceiver_config", default={})
    latents = perceiver.integer("resampler_n_latents", default=64)
    inner = config.section("text_config", default={}).integer("intermediate_size", default=14_336)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        path, hidden = "model.connector", text.hidden_size
        projected = two_matrices(
            found.width, 2 * inner, hidden, names=("gate_up_proj", "down_proj"), bias=False, gated=True
        )
        return (
            *found.layers,
            tower(f"{path}.modality_projection", projected),
            tower(f"{path}.perceiver_resampler", (Learned(name="latents", size=latents * hidden),)),
            tower(
                f"{path}.perceiver_resampler.layers.{{index}}",
                _perceiver(perceiver, hidden),
                perceiver.integer("resampler_depth", default=3, most=DEEPEST_STACK),
            ),
            tower(f"{path}.perceiver_resampler", (Norm(name="norm", width=hidden),)),
        )

    images = ResampledImages(patch=found.patch, shortest=378, longest=980, tokens=latents)
    return multimodal(config, "mistral", towers, images=images, moved=("model.", "model.text_model."))


def _perceiver(config: Config, hidden: int) -> Operators:
    """A layer in which the latents attend the patches and themselves, more queries than keys."""
    query, kv = (
        config.integer("resampler_n_heads", default=16),
        config.integer("num_key_value_heads", default=4),
    )
    check_heads(query, kv)
    heads = Heads(query=query, kv=kv, dim=config.integer("resampler_head_dim", default=96))
    return (
        Norm(name="input_latents_norm", width=hidden),
        Norm(name="input_context_norm", width=hidden),
        *encoder_attention(hidden, heads, path="self_attn", names=("q_proj", "k_proj", "v_proj", "o_proj")),
        Norm(name="post_attention_layernorm", width=hidden),
        *gated_feed_forward(hidden, 4 * hidden),
    )
