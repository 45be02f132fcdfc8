"""The text of Aria: a Llama with experts beside shared ones in each layer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import beside_shared, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    named = config.filled(moe_num_experts=8, moe_topk=2).renamed(
        n_routed_experts="moe_num_experts",
        num_experts_per_tok="moe_topk",
        n_shared_experts="moe_num_shared_experts",
        moe_intermediate_size="intermediate_size",
    )
    experts = beside_shared(
        named,
        shared=2,
        bias=config.boolean("mlp_bias", default=False),
        names=("experts", "shared_experts", "router"),
        correction=None,
    )
    return plain_decoder(config, read_heads(config), experts=experts)
