"""BioGPT: OPT's layers, with two more positions than max_position_embeddings says."""

from ..architecture import Architecture
from ..config import Config
from ._decoder import decoder
from ._stack import depth_of, grouped
from .xglm import biased_block


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    block = biased_block(hidden, config.integer("num_attention_heads"), config.integer("intermediate_size"))
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "biogpt.layers.{index}"),
        positions=config.integer("max_position_embeddings", default=1024) + 2,
        tied_default=True,
        norm_bias=True,
        paths=("biogpt.embed_tokens", "biogpt.layer_norm", "output_projection", "biogpt.embed_positions"),
    )
