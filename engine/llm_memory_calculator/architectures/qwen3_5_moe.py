"""Qwen3.5 and 3.6 with experts: gated delta nets and full attention, with a tower for images."""

from ..architecture import Architecture
from ..config import Config
from ._vision import beside_qwen3_tower
from .qwen3_5_moe_text import build as build_text

_TEXT = {
    "hidden_size": 2048,
    "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512,
    "num_hidden_layers": 40,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "num_experts": 256,
    "num_experts_per_tok": 8,
    "vocab_size": 248_320,
    "max_position_embeddings": 32_768,
}


def build(config: Config) -> Architecture:
    return beside_qwen3_tower(config, build_text, _TEXT, early=False)
