"""Solar Open 100B: routed experts and a shared one in each layer."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8, dim_default=128)
    experts = beside_shared(
        config,
        shared=1,
    )
    attend = attention(hidden, heads, qkv_bias=config.boolean("attention_bias", default=False))
    block = pre_norm(hidden, attend, experts)
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
