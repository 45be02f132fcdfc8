"""Voxtral: Whisper's encoder beside a Llama; four of its positions side by side become one token."""

from ..architecture import Architecture
from ..config import Config
from ._sound import WindowedSounds, sound_tower, window_positions
from ._towers import multimodal, tower, two_matrices
from .llama import build as build_text

_TEXT = {
    "model_type": "llama",
    "vocab_size": 131_072,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "head_dim": 128,
}


def build(config: Config) -> Architecture:
    audio = config.section("audio_config", default={})
    layers, hidden, width = sound_tower(audio, "audio_tower")
    merge = max(1, width // hidden)
    return multimodal(
        config,
        build_text,
        lambda text: (
            *layers,
            tower(
                "multi_modal_projector",
                two_matrices(width, text.hidden_size, text.hidden_size, bias=False),
                reduction=merge,
                of_sound=True,
            ),
        ),
        sounds=WindowedSounds(positions=window_positions(audio), merge=merge),
        defaults=_TEXT,
    )
