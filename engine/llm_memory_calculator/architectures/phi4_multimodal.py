"""Phi-4-multimodal as transformers keeps it: Phi-4-mini with encoders of images and sounds, its adapters kept apart."""

from ..architecture import Architecture
from ..config import Config
from ._phi4 import cropped_images, image_encoder, image_part, read_conformer, sound_part, sounds
from ._towers import UNMOVED, multimodal
from .phi3 import build as build_text

_TEXT = {
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 200_064,
    "max_position_embeddings": 131_072,
}


def build(config: Config) -> Architecture:
    found = image_encoder(config.section("vision_config", default={}))
    audio = config.section("audio_config", default={})
    sizes, rate = read_conformer(audio), audio.integer("downsample_rate", default=1)
    return multimodal(
        config,
        build_text,
        lambda text: (*image_part(found, text.hidden_size), *sound_part(sizes, text.hidden_size, rate)),
        images=cropped_images(found),
        sounds=sounds(sizes, rate),
        flat=True,
        defaults=_TEXT,
        moved=UNMOVED,
    )
