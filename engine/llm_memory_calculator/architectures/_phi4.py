"""What Phi-4-multimodal has beside its decoder: SigLIP over crops of an image, and a conformer for sounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..architecture import Layer
from ..config import DEEPEST_STACK, Config
from ..images import Images, Sounds
from ..operators import Activation, Convolution, Embedding, Learned, Norm
from ._blocks import Operators, equal_heads, gated_feed_forward, plain, within
from ._encoders import encoder_attention
from ._images import CroppedImages
from ._sound import SpectrumSounds
from ._towers import ImageTower, siglip, tower, two_matrices

PATH = "model.embed_tokens_extend"
# SigLIP-SO400M at 448 pixels.
SIGLIP_448: Mapping[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 448,
    "patch_size": 14,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformer:
    """The sizes of the encoder of sounds."""

    hidden: int = 1024
    width: int = 1536
    depth: int = 24
    heads: int = 16
    channels: int = 1024
    """Of the convolutions that halve the time, of those inside a layer, and the multiple of the depthwise ones."""
    glu: int = 1024
    separable: int = 1024
    multiple: int = 1
    kernel: int = 3
    mel: int = 80
    halvings: int = 3
    buckets: int = 1000
    """Rows of the table of relative positions."""


def read_conformer(config: Config) -> Conformer:
    """The sizes by transformers' names."""
    distance = config.integer("bias_max_distance", default=1000)
    return Conformer(
        hidden=config.integer("hidden_size", default=1024),
        width=config.integer("intermediate_size", default=1536),
        depth=config.integer("num_blocks", default=24, most=DEEPEST_STACK),
        heads=config.integer("num_attention_heads", default=16),
        channels=config.integer("nemo_conv_channels", default=1024),
        glu=config.integer("ext_pw_out_channel", default=1024),
        separable=config.integer("depthwise_separable_out_channel", default=1024),
        multiple=config.integer("depthwise_multiplier", default=1),
        kernel=config.integer("kernel_size", default=3),
        mel=config.integer("input_size", default=80),
        halvings=int(math.log2(config.integer("time_reduction", default=8, least=2))),
        buckets=distance if config.boolean("bias_symmetric", default=False) else 2 * distance,
    )


def image_part(found: ImageTower, text_hidden: int) -> tuple[Layer, ...]:
    """The tower, the learned ends of rows and of the two parts, and the projection."""
    names = ("img_projection_up", "img_projection_down")
    return (
        *found.layers,
        tower(
            f"{PATH}.image_embed",
            (
                Learned(name="global_img_feature_extensor", size=found.width),
                Learned(name="sub_img_feature_extensor", size=found.width),
                *two_matrices(found.width, text_hidden, text_hidden, names=names),
            ),
            reduction=4,
        ),
    )


def image_encoder(config: Config) -> ImageTower:
    """SigLIP with its pooling head, which is stored and not run."""
    return siglip(config.completed(SIGLIP_448), f"{PATH}.image_embed.img_processor")


def cropped_images(found: ImageTower) -> Images:
    """Up to 36 crops."""
    return CroppedImages(
        crop=found.pixels, side=found.side // 2, positions=found.positions, max_crops=36, enlarges=False
    )


def sound_part(sizes: Conformer, text_hidden: int, rate: int = 1) -> tuple[Layer, ...]:
    """Convolutions that shorten the sound, the conformer, and projections for sounds alone and beside images."""
    path, mel = f"{PATH}.audio_embed", sizes.mel
    # positions after the first convolution, over time and pitch, for one after all of them, over time alone
    reduction = 2 ** (sizes.halvings - 1) * ((mel + 1) // 2)
    stem = []
    for number in range(sizes.halvings):
        mel = (mel - 1) // 2 + 1
        convolutions: Operators = (Convolution(name="conv.0", inputs=1, outputs=sizes.channels, kernel=9),)
        if number:
            convolutions = (
                Convolution(
                    name=f"conv.{3 * number - 1}",
                    inputs=sizes.channels,
                    outputs=sizes.channels,
                    kernel=9,
                    groups=sizes.channels,
                ),
                Convolution(name=f"conv.{3 * number}", inputs=sizes.channels, outputs=sizes.channels, kernel=1),
            )
        convolutions += (Activation(name="conv.act", width=sizes.channels, gated=False),)
        stem.append(tower(f"{path}.encoder.embed", convolutions, reduction=4**number, of_sound=True))
    projections: Operators = ()
    for purpose in ("speech", "vision_speech"):
        names = (f"up_proj_for_{purpose}", f"down_proj_for_{purpose}")
        projections += two_matrices(sizes.hidden * rate, text_hidden, text_hidden, names=names)
    return (
        *stem,
        tower(
            f"{path}.encoder",
            (
                plain("embed.out", sizes.hidden, sizes.channels * mel, bias=True),
                Embedding(
                    name="relative_attention_bias_layer.bias_values",
                    entries=sizes.buckets,
                    width=sizes.heads,
                    part="positions",
                ),
            ),
            reduction=reduction,
            of_sound=True,
        ),
        tower(
            f"{path}.encoder.encoders.{{index}}",
            _conformer_layer(sizes),
            sizes.depth,
            reduction=reduction,
            of_sound=True,
        ),
        tower(path, projections, reduction=reduction * rate, of_sound=True),
    )


def sounds(sizes: Conformer, rate: int = 1) -> Sounds:
    """A token of eight steps of the spectrum, 80 ms, however long the sound. vLLM encodes one after the other."""
    return SpectrumSounds(bins=sizes.mel, frame=400, halvings=sizes.halvings, merge=rate, alone=True)


def _conformer_layer(sizes: Conformer) -> Operators:
    """Two feed-forwards around attention and a gated convolution."""
    hidden = sizes.hidden

    def half(path: str) -> Operators:
        names = ("gate_up_proj", "gate_up_proj", "down_proj")
        forward = gated_feed_forward(hidden, sizes.width, bias=True, path=path, names=names)
        return (Norm(name=within(path, "layer_norm")[0], width=hidden, bias=True), *forward)

    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    attend = encoder_attention(hidden, equal_heads(hidden, sizes.heads), path="self_attn", names=names, bias=True)
    wide = hidden * sizes.multiple
    return (
        *half("feed_forward_in"),
        Norm(name="layer_norm_att", width=hidden, bias=True),
        *attend,
        Norm(name="conv.layer_norm", width=hidden, bias=True),
        Convolution(name="conv.glu.ext_pw_conv_1d", inputs=hidden, outputs=2 * sizes.glu, kernel=1),
        Learned(name="conv.glu.b1", size=sizes.glu),
        Learned(name="conv.glu.b2", size=sizes.glu),
        Convolution(
            name="conv.dw_sep_conv_1d.dw_conv", inputs=hidden, outputs=wide, kernel=sizes.kernel, groups=hidden
        ),
        Convolution(name="conv.dw_sep_conv_1d.pw_conv", inputs=wide, outputs=sizes.separable, kernel=1),
        Convolution(name="conv.ext_pw_conv_1d", inputs=hidden, outputs=sizes.glu, kernel=1),
        *half("feed_forward_out"),
        Norm(name="layer_norm", width=hidden, bias=True),
    )
