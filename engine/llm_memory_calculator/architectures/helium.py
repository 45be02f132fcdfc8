"""Helium 1: a Llama whose output projection never has a bias."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=20, dim_default=128)
    if heads.query * heads.dim != hidden:
        raise ConfigError(f"The config's heads have {heads.query * heads.dim} values, which must be its hidden_size.")
    return plain_decoder(
        config,
        heads,
        bias=False,
        attend=partial(attention, qkv_bias=config.boolean("attention_bias", default=False)),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
    )
