"""Bamba: Mamba-2 layers, a few of attention, and a feed-forward in each."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, read_heads
from ._recurrent import read_mamba2


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    bias = config.boolean("attention_bias", default=False)
    attending = set(config.integers("attn_layer_indices", default=()))
    if any(index >= depth for index in attending):
        raise ConfigError(f"The config's attn_layer_indices name a layer beyond its {depth}; they count from 0.")
    attend = attention(hidden, read_heads(config, kv_default=8), qkv_bias=bias, out_bias=bias)
    state = read_mamba2(config, hidden)
    feed = gated_feed_forward(
        hidden,
        config.integer("intermediate_size", default=14336),
        bias=config.boolean("mlp_bias", default=False),
        path="feed_forward",
    )
    stack = grouped(
        [index in attending for index in range(depth)],
        lambda attends: pre_norm(
            hidden, attend if attends else state, feed, names=("input_layernorm", "pre_ff_layernorm")
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""))
