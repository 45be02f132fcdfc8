"""Wan's transformers: attention to all frames, then across to the prompt and to an image that is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..images import Latents
from ..operators import Convolution, Learned, Norm
from ._blocks import Heads, Operators, plain
from ._diffusion import (
    caption,
    diffusion_model,
    embedding,
    of_image,
    of_prompt,
    plain_feed_forward,
    read_transformer_heads,
    tabled_block,
)
from ._video import conv3d

# max_sequence_length, num_frames, height and width of the pipeline.
PROMPT, FRAMES, SIZE = 512, 81, (480, 832)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wan:
    """The sizes of the transformer."""

    hidden: int
    heads: Heads
    wide: int
    depth: int
    patch: tuple[int, int, int]
    """Latent frames, rows and columns of a patch."""
    channels: tuple[int, int]
    middle: bool
    """The norm before the attention across learns."""
    added: int | None
    """Width of an image that is attended beside the prompt (I2V of Wan 2.1)."""

    def block(self) -> Operators:
        added: Operators = ()
        if self.added is not None:
            inner = self.heads.query * self.heads.dim
            added = (
                of_prompt("attn2.add_k_proj", inner, self.added, "k"),
                of_prompt("attn2.add_v_proj", inner, self.added, "v"),
                Norm(name="attn2.norm_added_k", width=inner),
            )
        return tabled_block(
            self.hidden,
            self.heads,
            prompt=self.hidden,
            forward=plain_feed_forward(self.hidden, "ffn", self.wide),
            middle=self.middle,
            added=added,
        )

    def patches(self, name: str, inputs: int) -> Convolution:
        return conv3d(name, inputs, self.hidden, math.prod(self.patch))


def read_wan(config: Config) -> Wan:
    hidden, heads = read_transformer_heads(config, 40, 128)
    patch = config.integers("patch_size", default=(1, 2, 2), least=1)
    if len(patch) != 3 or patch[1] != patch[2]:
        raise ConfigError(
            "The config's patch_size must be three whole numbers, for frames, rows and as many columns, and is "
            f"{shown(list(patch))}."
        )
    return Wan(
        hidden=hidden,
        heads=heads,
        wide=config.integer("ffn_dim", default=13_824),
        depth=config.integer("num_layers", default=40, most=DEEPEST_STACK),
        patch=(patch[0], patch[1], patch[2]),
        channels=(config.integer("in_channels", default=16), config.integer("out_channels", default=16)),
        middle=config.boolean("cross_attn_norm", default=True),
        added=config.optional_integer("added_kv_proj_dim"),
    )


def wan(
    config: Config,
    shape: Wan,
    *,
    first: Operators = (),
    stack: tuple[Layer, ...] = (),
    frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
) -> Architecture:
    """The transformer; `first` and `stack` are what a model has beside it (VACE), frames and size its pipeline's."""
    hidden, path = shape.hidden, "condition_embedder"
    inputs, outputs = shape.channels
    image = config.optional_integer("image_dim")
    frequencies = config.integer("freq_dim", default=256)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            shape.patches("patch_embedding", inputs),
            *embedding(f"{path}.time_embedder", frequencies, hidden),
            of_image(f"{path}.time_proj", 6 * hidden, hidden),
            *caption(f"{path}.text_embedder", config.integer("text_dim", default=4096), hidden),
            *(() if image is None else _image_embedder(config, f"{path}.image_embedder", image, hidden)),
            *first,
        ),
        stack=(Layer(path="blocks.{index}", operators=shape.block(), indices=tuple(range(shape.depth))), *stack),
        last=(
            Norm(name="norm_out", width=hidden, scaled=False),
            Learned(name="scale_shift_table", size=2 * hidden),
            plain("proj_out", math.prod(shape.patch) * outputs, hidden, bias=True),
        ),
        # with and without the prompt one after the other, not at once
        latents=Latents(
            patch=shape.patch[1],
            channels=inputs,
            passes=1,
            prompt=PROMPT,
            frames=frames,
            # that of its autoencoder
            frame_scale=4,
            frame_patch=shape.patch[0],
            size_of_pipeline=size,
        ),
    )


def _image_embedder(config: Config, path: str, image: int, hidden: int) -> Operators:
    """From an encoded image to what is attended; positions of a first and a last one are told apart (FLF2V)."""
    positions = config.optional_integer("pos_embed_seq_len")
    return (
        *((Learned(name=f"{path}.pos_embed", size=positions * image),) if positions is not None else ()),
        Norm(name=f"{path}.norm1", width=image, bias=True),
        of_prompt(f"{path}.ff.net.0.proj", image, image),
        of_prompt(f"{path}.ff.net.2", hidden, image),
        Norm(name=f"{path}.norm2", width=hidden, bias=True),
    )
