"""Baichuan 1 and 2: a Llama with one product for q, k and v; the 13B has ALiBi instead of rotary embeddings."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    heads = equal_heads(hidden, config.integer("num_attention_heads"))
    block = pre_norm(
        hidden,
        attention(hidden, heads, names=("W_pack", "W_pack", "W_pack", "o_proj"), apart=True),
        gated_feed_forward(hidden, config.integer("intermediate_size")),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        length=("max_position_embeddings", "model_max_length"),
    )
