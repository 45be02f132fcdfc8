"""GLM-4.1V-9B and GLM-4.6V-Flash: GLM-4 with a tower for images of any size."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import share
from ._vision import beside_glm_tower
from .glm4 import build as build_glm4

TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 13_696,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "vocab_size": 151_552,
    "max_position_embeddings": 32_768,
}


def build_text(config: Config) -> Architecture:
    """GLM-4 whose heads always share the hidden size and have biases."""
    dim = share(config.integer("hidden_size"), config.integer("num_attention_heads"))
    fixed = {"head_dim": dim, "attention_bias": True}
    return build_glm4(config.stating(**fixed))


def build(config: Config) -> Architecture:
    return beside_glm_tower(config, build_text, TEXT)
