"""DeciLM 6B and 7B, DeciCoder-6B: a Llama whose layers have KV heads of their own number."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Heads,
    Operators,
    attention,
    check_heads,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    per_layer,
    pre_norm,
    share,
)


def build(config: Config) -> Architecture:
    hidden, depth, query = config.integer("hidden_size"), depth_of(config), config.integer("num_attention_heads")
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)

    def block(kv: int) -> Operators:
        check_heads(query, kv)
        heads = Heads(query=query, kv=kv, dim=share(hidden, query))
        attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias)
        return pre_norm(hidden, attend, gated_feed_forward(hidden, width))

    kinds = per_layer(config, "num_key_value_heads_per_layer", depth, least=1)
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))
