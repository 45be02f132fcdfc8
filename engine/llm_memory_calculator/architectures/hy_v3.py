"""Hunyuan 3: norms over each head of q and k, a leading dense layer, then routed experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder, without_predictors
from ._feed_forward import beside_shared, gated_feed_forward
from ._stack import depth_of, grouped, leading_dense, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8, dim_default=128)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    experts = beside_shared(
        config,
        shared=1,
        bias=mlp_bias,
        names=("experts", "shared_mlp", "router.gate"),
        correction="expert_bias",
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"), bias=mlp_bias)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias, head_norms=True)
    stack = grouped(
        leading_dense(config, depth_of(config), default=1),
        lambda sparse: pre_norm(hidden, attend, experts if sparse else dense),
        "model.layers.{index}",
    )
    return without_predictors(decoder(config, stack), config)
