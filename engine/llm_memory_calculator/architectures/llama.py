"""Llama 1 to 3.3, and the many models that are Llamas by another name (Yi, TinyLlama, SmolLM, DeepSeek-LLM)."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    if config.has("num_local_experts", "num_experts"):
        raise ConfigError("The config is a llama's and has experts, which that family has not; is it a mixtral?")
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    width = config.integer("intermediate_size")
    attention_bias = config.boolean("attention_bias", default=False)
    mlp_bias = config.boolean("mlp_bias", default=False)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=attention_bias, out_bias=attention_bias),
        gated_feed_forward(hidden, width, bias=mlp_bias),
    )
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, gguf_rules="rich_values" if config.model_type == "llama" else "")
