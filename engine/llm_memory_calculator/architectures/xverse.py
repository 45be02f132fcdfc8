"""XVERSE 7B to 65B: a Llama; its mixture A4.2B has shared experts of the routed ones' width."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, beside_shared, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    width = config.integer("intermediate_size")
    experts: Operators = ()
    if config.has("num_experts"):
        named = config.renamed(num_experts_per_tok="moe_top_k", moe_intermediate_size="intermediate_size")
        experts = beside_shared(named, shared=0, names=("experts", "shared_experts", "router"), correction=None)
    return plain_decoder(config, read_heads(config), bias=False, experts=experts, width=width)
