"""BioGPT: OPT's layers, with two more positions than max_position_embeddings says."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import equal_heads, plain_decoder
from .xglm import fairseq_attention, fairseq_feed_forward, fairseq_norms


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        equal_heads(config.integer("hidden_size"), config.integer("num_attention_heads")),
        bias=True,
        attend=fairseq_attention,
        feed=fairseq_feed_forward,
        layer=fairseq_norms,
        path="biogpt.layers.{index}",
        positions=config.integer("max_position_embeddings", default=1024) + 2,
        tied_default=True,
        norm_bias=True,
        paths=("biogpt.embed_tokens", "biogpt.layer_norm", "output_projection", "biogpt.embed_positions"),
    )
