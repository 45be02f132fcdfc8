"""Qwen2-Audio: Whisper's encoder beside a Qwen2; the mean of two of its positions becomes one token."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain
from ._sound import TrimmedSounds, sound_tower, window_positions
from ._towers import multimodal, tower


def build(config: Config) -> Architecture:
    audio = config.section("audio_config", default={})
    layers, hidden, _ = sound_tower(audio, "audio_tower")
    return multimodal(
        config,
        "qwen2",
        lambda text: (
            *layers,
            tower(
                "multi_modal_projector",
                (plain("linear", text.hidden_size, hidden, True),),
                reduction=2,
                of_sound=True,
            ),
        ),
        sounds=TrimmedSounds(positions=window_positions(audio)),
    )
