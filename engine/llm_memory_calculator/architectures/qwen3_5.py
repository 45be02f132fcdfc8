"""Qwen3.5 and 3.6 dense: gated delta nets and full attention, with a tower for images."""

from ..architecture import Architecture
from ..config import Config
from ._vision import beside_qwen3_tower
from .qwen3_5_text import build as build_text

_TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 12_288,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "vocab_size": 248_320,
    "max_position_embeddings": 32_768,
}


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, _TEXT, early=False)
