"""Phi-4-multimodal as Microsoft keeps it: with the adapters that its decoder runs with beside images or sounds."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Learned, Linear
from ._blocks import Operators, plain
from ._phi4 import PATH, SIGLIP_448, Conformer, cropped_images, image_encoder, image_part, sound_part, sounds
from ._towers import UNMOVED, multimodal, tower
from .phi3 import build as build_text

_RANKS = (("vision_lora", 256), ("speech_lora", 320))


def build(config: Config) -> Architecture:
    found = image_encoder(Config(SIGLIP_448, notes=config.notes))
    sizes = Conformer()
    scales = tower(f"{PATH}.audio_embed.encoder", (Learned(name="encoder_embedding", size=2 * sizes.mel),))

    def towers(text: Architecture) -> tuple[Layer, ...]:
        beside = (*image_part(found, text.hidden_size), *sound_part(sizes, text.hidden_size), scales)
        return (*beside, *(_adapters(config, layer) for layer in text.stack))

    return multimodal(
        config,
        build_text,
        towers,
        images=cropped_images(found),
        sounds=sounds(sizes),
        flat=True,
        moved=UNMOVED,
    )


def _adapters(config: Config, layer: Layer) -> Layer:
    """Two low-rank matrices for each product of a layer, once for images and once for sounds."""
    found: Operators = ()
    for name, usual in _RANKS:
        rank = config.section(name, default={}).integer("r", default=usual)
        for product in layer.operators:
            if isinstance(product, Linear):
                inner, outer = (f"{product.name}.lora_{side}.{name}" for side in "AB")
                found += (plain(inner, rank, product.inputs), plain(outer, product.output_size, rank))
    return tower(layer.path, found, layer.indices)
