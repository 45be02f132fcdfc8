"""GLM-4-9B: a Llama with two KV heads, and biases on q, k and v."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=2, dim_default=128)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=config.boolean("attention_bias", default=True)),
        gated_feed_forward(
            hidden, config.integer("intermediate_size"), names=("gate_up_proj", "gate_up_proj", "down_proj")
        ),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
