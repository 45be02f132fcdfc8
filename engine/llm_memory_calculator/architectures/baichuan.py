"""Baichuan 1 and 2: a Llama with one product for q, k and v; the 13B has ALiBi instead of rotary embeddings."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, equal_heads, plain_decoder


def build(config: Config) -> Architecture:
    heads = equal_heads(config.integer("hidden_size"), config.integer("num_attention_heads"))
    return plain_decoder(
        config,
        heads,
        bias=False,
        attend=partial(attention, names=("W_pack", "W_pack", "W_pack", "o_proj"), apart=True),
        length=("max_position_embeddings", "model_max_length"),
    )
