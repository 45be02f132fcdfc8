"""XVERSE 7B to 65B: a Llama; its mixture A4.2B has shared experts of the routed ones' width."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    feed = gated_feed_forward(hidden, config.integer("intermediate_size"))
    if config.has("num_experts"):
        named = config.renamed(num_experts_per_tok="moe_top_k", moe_intermediate_size="intermediate_size")
        feed = beside_shared(named, shared=0, names=("experts", "shared_experts", "router"), correction=None)
    block = pre_norm(hidden, attention(hidden, heads), feed)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
