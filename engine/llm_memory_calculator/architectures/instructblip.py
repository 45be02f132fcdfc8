"""InstructBLIP: BLIP-2 whose queries read the prompt too, with a Vicuna or a Flan-T5."""

from ..architecture import Architecture
from ..config import Config
from ._blip import blip


def build(config: Config) -> Architecture:
    return blip(config, tables=True)
