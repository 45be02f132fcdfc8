"""GLM-4.5V and 4.6V: the mixture of GLM-4.5-Air with the tower of GLM-4.1V."""

from ..architecture import Architecture
from ..config import Config
from ._vision import beside_glm_tower
from .glm4_moe import build as build_text

TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 10_944,
    "moe_intermediate_size": 1408,
    "num_hidden_layers": 46,
    "num_attention_heads": 96,
    "num_key_value_heads": 8,
    "n_routed_experts": 128,
    "num_experts_per_tok": 8,
    "vocab_size": 151_424,
    "max_position_embeddings": 65_536,
    "attention_bias": True,
}


def build(config: Config) -> Architecture:
    return beside_glm_tower(config, build_text, TEXT)
