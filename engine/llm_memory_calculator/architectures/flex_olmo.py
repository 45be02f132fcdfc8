"""FlexOlmo: OLMoE's experts, with norms over the output of each block."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, post_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    experts = mixture(
        hidden,
        count=config.integer("num_experts", "num_local_experts", default=7),
        active=config.integer("num_experts_per_tok", default=5),
        width=config.integer("intermediate_size"),
    )
    block = post_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms), experts)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
