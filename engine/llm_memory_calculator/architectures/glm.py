"""GLM-4-9B: a Llama with two KV heads, and biases on q, k and v."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, read_heads


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
