"""Qwen3-VL-30B-A3B and 235B-A22B: Qwen3-MoE with the tower of Qwen3-VL."""

from ..architecture import Architecture
from ..config import Config
from ._vision import beside_qwen3_tower
from .qwen3_moe import build as build_text

TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "moe_intermediate_size": 1408,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_experts": 60,
    "num_experts_per_tok": 4,
    "vocab_size": 151_936,
    "max_position_embeddings": 128_000,
}


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, TEXT, early=True)
