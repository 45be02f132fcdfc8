"""phi-1, phi-1.5 and phi-2 before they came into transformers: a Phi by the names of GPT-2."""

from ..architecture import Architecture
from ..config import Config
from .phi import build as build_phi


def build(config: Config) -> Architecture:
    config = config.renamed(
        hidden_size="n_embd",
        num_hidden_layers="n_layer",
        num_attention_heads="n_head",
        num_key_value_heads="n_head_kv",
        intermediate_size="n_inner",
        max_position_embeddings="n_positions",
    )
    if not config.has("intermediate_size"):
        # what a null means there
        config = config.stating(intermediate_size=4 * config.integer("hidden_size"))
    return build_phi(config)
