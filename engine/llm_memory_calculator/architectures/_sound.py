"""Sound beside a decoder: what its seconds become, and Whisper's encoder, as Voxtral and Qwen2-Audio have it.

Each rule is that of a family's processor (transformers 5.24), of 16,000 samples a second, 160 of them a step of the
spectrum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..architecture import Layer
from ..config import Config
from ..images import InputSize
from ._seq2seq import read_half, sound_encoder
from ._towers import tower

_SAMPLES, _STEP = 16_000, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowedSounds:
    """Filled up to whole windows of 30 s, each as many positions (Whisper: 1,500), `merge` of which are one token."""

    positions: int
    merge: int
    window: float = 30.0
    longest: float | None = None

    alone = False

    def size(self, seconds: float) -> InputSize:
        windows = math.ceil(seconds / self.window)
        return InputSize(windows * self.positions, windows * (self.positions // self.merge))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedSounds:
    """One window of 30 s is encoded, and only the tokens of what is sound in it are given on (Qwen2-Audio)."""

    positions: int
    longest: float = 30.0

    alone = False

    def size(self, seconds: float) -> InputSize:
        steps = math.ceil(seconds * _SAMPLES / _STEP)
        return InputSize(self.positions, max(1, ((steps - 1) // 2 + 1 - 2) // 2 + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumSounds:
    """Convolutions over time and pitch that halve the spectrum several times (conformers).

    Positions are those of the first convolution's output.
    """

    bins: int
    """Pitches of the spectrum."""
    frame: int
    """Samples that a step of the spectrum is taken of."""
    before: int = 0
    """Samples of silence that are put before the sound."""
    halvings: int
    tokens: int | None = None
    """Of any sound, where they are always as many (Gemma 3n)."""
    merge: int = 1
    """Positions after the convolutions that become one token."""
    longest: float | None = None
    alone: bool = False

    def size(self, seconds: float) -> InputSize:
        steps = max(1, (int(seconds * _SAMPLES) + self.before - self.frame) // _STEP + 1)
        kept = steps
        for _ in range(self.halvings):
            kept = (kept + 1) // 2
        tokens = math.ceil(kept / self.merge) if self.tokens is None else self.tokens
        return InputSize((steps + 1) // 2 * ((self.bins + 1) // 2), tokens)


def sound_tower(config: Config, path: str) -> tuple[tuple[Layer, ...], int, int]:
    """The layers, their hidden size and their width, by Whisper's names or the usual ones; defaults of large-v3."""
    hidden = config.integer("d_model", "hidden_size", default=1280)
    half = read_half(config, "encoder", hidden, (32, 5120, 20))
    layers = sound_encoder(
        hidden, half, path, mels=config.integer("num_mel_bins", default=128), positions=window_positions(config)
    )
    heard = tuple(tower(layer.path, layer.operators, layer.indices, of_sound=True) for layer in layers)
    return heard, hidden, half.width


def window_positions(config: Config) -> int:
    """Positions that the encoder gives of a window."""
    return config.integer("max_source_positions", default=1500)
