"""GLM-4.5, 4.6 and 4.7, Air: grouped KV heads, leading dense layers, then routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder, without_predictors
from ._feed_forward import beside_shared, gated_feed_forward
from ._stack import depth_of, grouped, leading_dense, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=8), depth_of(config)
    attend = attention(
        hidden,
        heads,
        qkv_bias=config.boolean("attention_bias", default=False),
        head_norms=config.boolean("use_qk_norm", default=False),
    )
    experts = beside_shared(config, shared=1)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    stack = grouped(
        leading_dense(config, depth, default=1),
        lambda sparse: pre_norm(hidden, attend, experts if sparse else dense),
        "model.layers.{index}",
    )
    return without_predictors(decoder(config, stack), config)
