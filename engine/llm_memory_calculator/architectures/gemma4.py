"""Gemma 4 with images and, in the small ones, sound: towers beside the text model of gemma4_text."""

import math
from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..images import ImageSize
from ..operators import Buffer, Norm
from ._blocks import Heads, Operators, attention, equal_heads, gated_feed_forward, plain, sandwich_norm
from ._encoders import two_sided
from ._gemma import half_step, halvings, heard, light_convolution
from ._sound import SpectrumSounds
from ._towers import INSIDE, multimodal, tower
from ._videos import FrameVideos, Sampling
from .gemma4_text import build as build_text

_BINS = 128  # pitches of the spectrum, by the published processors
_TEXT = {"model_type": "gemma4_text", "vocab_size": 262_144, "max_position_embeddings": 131_072}


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledImages:
    """Scaled to at most as many groups of pool x pool patches as tokens are wanted, each side a whole number (Gemma 4).

    Two marks stand around the tokens.
    """

    patch: int
    pool: int
    most_tokens: int

    def size(self, height: int, width: int) -> ImageSize:
        side = self.pool * self.patch
        scale = math.sqrt(self.most_tokens * side**2 / (height * width))
        rows, columns = (math.floor(length * scale / side) for length in (height, width))
        if rows == 0:
            rows, columns = 1, min(max(1, width // height), self.most_tokens)
        elif columns == 0:
            rows, columns = min(max(1, height // width), self.most_tokens), 1
        return ImageSize(rows * columns * self.pool**2, rows * columns + 2)


def build(config: Config) -> Architecture:
    vision = config.section("vision_config") if config.has("vision_config") else None
    audio = config.section("audio_config") if config.has("audio_config") else None

    def towers(text: Architecture) -> tuple[Layer, ...]:
        found: tuple[Layer, ...] = ()
        if vision is not None:
            found += _vision(vision, text.hidden_size)
        if audio is not None:
            found += _audio(audio, text.hidden_size)
        return found

    images = videos = None
    if vision is not None:
        pool, patch = vision.integer("pooling_kernel_size", default=3), vision.integer("patch_size", default=16)
        images = PooledImages(patch=patch, pool=pool, most_tokens=vision.integer("default_output_length", default=280))
        # a frame of at most 70 tokens, between the image's marks, after its time: " 00:12 "
        frame = PooledImages(patch=patch, pool=pool, most_tokens=70)
        videos = FrameVideos(frame=frame, sampling=Sampling(fixed=32), marks=7)
    sounds = None
    if audio is not None:
        sounds = SpectrumSounds(bins=_BINS, frame=321, before=160, halvings=2, longest=30)
    return multimodal(
        config, build_text, towers, images=images, videos=videos, sounds=sounds, defaults=_TEXT, moved=INSIDE
    )


def _vision(config: Config, text: int) -> tuple[Layer, ...]:
    path, hidden = "model.vision_tower", config.integer("hidden_size", default=768)
    heads = Heads(
        query=config.integer("num_attention_heads", default=12),
        kv=config.integer("num_key_value_heads", default=12),
        dim=config.integer("head_dim", default=64),
    )
    bias = config.boolean("attention_bias", default=False)
    block = sandwich_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, head_norms=True, core=two_sided(heads, "self_attn")),
        gated_feed_forward(hidden, config.integer("intermediate_size", default=3072)),
    )
    inputs = 3 * config.integer("patch_size", default=16) ** 2
    # one table of positions for the rows and one for the columns, which the truth counts as no embedding
    positions = 2 * config.integer("position_embedding_size", default=10_240) * hidden
    scales: Operators = ()
    if config.boolean("standardize", default=False):
        scales = (Buffer(name="std_bias", size=hidden), Buffer(name="std_scale", size=hidden))
    pool = config.integer("pooling_kernel_size", default=3) ** 2
    return (
        tower(
            f"{path}.patch_embedder",
            (
                plain("input_proj", hidden, inputs),
                Buffer(name="position_embedding_table", size=positions, counted=True),
            ),
        ),
        tower(
            f"{path}.encoder.layers.{{index}}",
            block,
            config.integer("num_hidden_layers", default=16, most=DEEPEST_STACK),
        ),
        tower(path, scales, reduction=pool),
        tower("model.embed_vision", (plain("embedding_projection", text, hidden),), reduction=pool),
    )


def _audio(config: Config, text: int) -> tuple[Layer, ...]:
    """A conformer: two half-step feed-forwards around attention with relative positions and a convolution."""
    path, hidden = "model.audio_tower", config.integer("hidden_size", default=1024)
    heads = equal_heads(hidden, config.integer("num_attention_heads", default=8))
    first, second = config.integers("subsampling_conv_channels", default=(128, 32), least=1)
    window = config.integer("attention_chunk_size", default=12) + config.integer("attention_context_left", default=13)
    kernel, out = config.integer("conv_kernel_size", default=5), config.integer("output_proj_dims", default=1536)

    block = (
        *half_step("feed_forward1", hidden),
        Norm(name="norm_pre_attn", width=hidden),
        plain("self_attn.relative_k_proj", hidden, hidden),
        Buffer(name="self_attn.per_dim_scale", size=heads.dim, counted=True),
        *attention(
            hidden,
            heads,
            names=("q_proj", "k_proj", "v_proj", "post"),
            core=two_sided(heads, "self_attn", window),
        ),
        Norm(name="norm_post_attn", width=hidden),
        *light_convolution(hidden, kernel),
        *half_step("feed_forward2", hidden),
        Norm(name="norm_out", width=hidden),
    )
    depth = config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    stem = f"{path}.subsample_conv_projection"
    return (
        *halvings(stem, (first, second), ("layer0.conv", "layer0.norm"), ("layer1.conv", "layer1.norm")),
        heard(stem, (plain("input_proj_linear", hidden, first // 4 * second),), _BINS),
        heard(f"{path}.layers.{{index}}", block, _BINS, depth),
        heard(path, (plain("output_proj", out, hidden, bias=True),), _BINS),
        heard("model.embed_audio", (plain("embedding_projection", text, out),), _BINS),
    )
