"""The text of Aria: a Llama with experts beside shared ones in each layer."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
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
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias), experts)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
