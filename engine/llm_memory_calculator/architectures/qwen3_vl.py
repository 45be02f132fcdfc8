"""Qwen3-VL: Qwen3 with a tower whose earlier layers feed the first layers of the decoder too."""

from ..architecture import Architecture
from ..config import Config
from ._vision import beside_qwen3_tower
from .qwen3 import build as build_text

TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 22_016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 151_936,
    "max_position_embeddings": 128_000,
}


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, TEXT, early=True)
