"""OLMoE: 64 small experts of which a token runs 8, norms over all of q and k at once."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, norms = config.boolean("attention_bias", default=False), query_key_norms(heads, own_scales=True)
    experts = mixture(
        hidden,
        count=config.integer("num_experts", "num_local_experts"),
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
    )
    block = pre_norm(hidden, attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=norms), experts)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
