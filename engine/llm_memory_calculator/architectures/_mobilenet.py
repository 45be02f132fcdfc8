"""MobileNetV5-300M, the encoder of images of Gemma 3n: convolutions in four stages, then attention with one KV head."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Layer
from ..operators import BidirectionalAttention, Convolution, Learned, Norm
from ._blocks import Operators
from ._towers import tower

PIXELS = 768
"""Along a side of an image."""
STEM = (PIXELS // 2) ** 2
"""Positions after the first convolution, which are what the layers' reductions count from."""
WIDTH = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inverted:
    """A point-wise convolution to more channels and one back, with depthwise ones before and between (0: none)."""

    inputs: int
    before: int
    inner: int
    between: int
    outputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attention:
    width: int
    heads: int
    dim: int
    strided: bool
    """Keys and values at half the resolution, by depthwise convolutions."""


def _inverted(inputs: int, before: int, inner: int, between: int, outputs: int) -> _Inverted:
    return _Inverted(inputs=inputs, before=before, inner=inner, between=between, outputs=outputs)


_SECOND = (
    _inverted(128, 3, 768, 5, 256),
    *(_inverted(256, kernel, 1024, 0, 256) for kernel in (5, 3, 5, 3)),
)
_THIRD = (
    _inverted(256, 5, 1536, 5, 640),
    *(_inverted(640, 5, 2560, 0, 640),) * 7,
    _inverted(640, 0, 640, 0, 640),
    *(_Attention(width=640, heads=12, dim=64, strided=True), _inverted(640, 0, 1280, 0, 640)) * 14,
)
_FOURTH = (
    _inverted(640, 5, 3840, 5, 1280),
    *(_Attention(width=1280, heads=16, dim=96, strided=False), _inverted(1280, 0, 2560, 0, 1280)) * 19,
)


def mobilenet(path: str) -> tuple[Layer, ...]:
    """The layers, each stage at half the resolution of the one before, and the fusion of the last two stages."""
    stem = (*_normed("conv_stem.conv", 3, 64, kernel=3, norm="conv_stem.bn", bias=True),)
    layers = [tower(path, stem)]
    for index, (inputs, inner) in enumerate(((64, 256), (128, 512), (128, 512))):
        block = (
            *_normed("conv_exp", inputs, inner, kernel=3, norm="bn1"),
            *_normed("conv_pwl", inner, 128, norm="bn2"),
        )
        layers.append(tower(f"{path}.blocks.0.{index}", block, reduction=4))
    for number, stage in enumerate((_SECOND, _THIRD, _FOURTH), start=1):
        for index, part in enumerate(stage):
            block = _attention(part) if isinstance(part, _Attention) else _residual(part)
            # the first block of a stage widens before it halves the resolution
            halvings = number if index == 0 else number + 1
            layers.append(tower(f"{path}.blocks.{number}.{index}", block, reduction=4**halvings))
    fusion = (
        *_normed("ffn.pw_exp.conv", 640 + 1280, 2 * (640 + 1280), norm="ffn.pw_exp.bn"),
        *_normed("ffn.pw_proj.conv", 2 * (640 + 1280), WIDTH, norm="ffn.pw_proj.bn"),
        Norm(name="norm", width=WIDTH),
    )
    return (*layers, tower(f"{path}.msfa", fusion, reduction=4**3))


def _normed(
    name: str, inputs: int, outputs: int, *, norm: str, kernel: int = 1, groups: int = 1, bias: bool = False
) -> Operators:
    return (
        Convolution(name=name, inputs=inputs, outputs=outputs, kernel=kernel * kernel, groups=groups, bias=bias),
        Norm(name=norm, width=outputs),
    )


def _depthwise(name: str, channels: int, kernel: int) -> Operators:
    if not kernel:
        return ()
    return _normed(f"{name}.conv", channels, channels, norm=f"{name}.bn", kernel=kernel, groups=channels)


def _residual(part: _Inverted) -> Operators:
    return (
        *_depthwise("dw_start", part.inputs, part.before),
        *_normed("pw_exp.conv", part.inputs, part.inner, norm="pw_exp.bn"),
        *_depthwise("dw_mid", part.inner, part.between),
        *_normed("pw_proj.conv", part.inner, part.outputs, norm="pw_proj.bn"),
        Learned(name="layer_scale.gamma", size=part.outputs),
    )


def _attention(part: _Attention) -> Operators:
    width, inner = part.width, part.heads * part.dim
    keys: Operators = ()
    for name in ("key", "value"):
        if part.strided:
            keys += _normed(f"attn.{name}.down_conv", width, width, norm=f"attn.{name}.norm", kernel=3, groups=width)
        keys += (Convolution(name=f"attn.{name}.proj", inputs=width, outputs=part.dim, kernel=1, bias=False),)
    return (
        Norm(name="norm", width=width),
        Convolution(name="attn.query.proj", inputs=width, outputs=inner, kernel=1, bias=False),
        *keys,
        BidirectionalAttention(name="attn", heads=part.heads, head_dim=part.dim),
        Convolution(name="attn.output.proj", inputs=inner, outputs=width, kernel=1, bias=False),
        Learned(name="layer_scale.gamma", size=width),
    )
