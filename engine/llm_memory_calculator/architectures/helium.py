"""Helium 1: a Llama whose output projection never has a bias."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=20, dim_default=128)
    if heads.query * heads.dim != hidden:
        raise ConfigError(f"The config's heads have {heads.query * heads.dim} values, which must be its hidden_size.")
    bias = config.boolean("mlp_bias", default=False)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=config.boolean("attention_bias", default=False)),
        gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias),
    )
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))
