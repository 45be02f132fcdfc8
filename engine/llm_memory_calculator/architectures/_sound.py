"""Encoders of sound beside a decoder: Whisper's, as Voxtral and Qwen2-Audio have it."""

from __future__ import annotations

from ..architecture import Layer
from ..config import Config
from ._seq2seq import read_half, sound_encoder
from ._towers import tower


def sound_tower(config: Config, path: str) -> tuple[tuple[Layer, ...], int, int]:
    """The layers, their hidden size and their width, by Whisper's names or the usual ones; defaults of large-v3."""
    hidden = config.integer("d_model", "hidden_size", default=1280)
    half = read_half(config, "encoder", hidden, (32, 5120, 20))
    layers = sound_encoder(
        hidden,
        half,
        path,
        mels=config.integer("num_mel_bins", default=128),
        positions=config.integer("max_source_positions", default=1500),
    )
    return tuple(tower(layer.path, layer.operators, layer.indices) for layer in layers), hidden, half.width
