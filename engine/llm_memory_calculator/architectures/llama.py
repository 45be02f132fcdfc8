"""Llama 1 to 3.3, and the many models that are Llamas by another name (Yi, TinyLlama, SmolLM, DeepSeek-LLM)."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    if config.has("num_local_experts", "num_experts"):
        raise ConfigError("The config is a llama's and has experts, which that family has not; is it a mixtral?")
    return plain_decoder(
        config,
        read_heads(config),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
        gguf_rules="rich_values" if config.model_type == "llama" else "",
    )
