"""Falcon-H1: attention and Mamba-2 side by side in every layer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, gated_feed_forward, grouped, pre_norm, read_heads
from ._recurrent import read_mamba2


def build(config: Config) -> Architecture:
    hidden, bias = config.integer("hidden_size"), config.boolean("attention_bias", default=False)
    # null means the expanded hidden size, an absent field the family's default
    inner = None if config.values.get("mamba_d_ssm", 0) is None else config.integer("mamba_d_ssm", default=1024)
    state = read_mamba2(
        config,
        hidden,
        inner,
        out_bias=config.boolean("projectors_bias", default=False),
        normed=config.boolean("mamba_rms_norm", default=False),
    )
    attend = attention(hidden, read_heads(config, kv_default=8), qkv_bias=bias, out_bias=bias)
    feed = gated_feed_forward(
        hidden,
        config.integer("intermediate_size", default=14336),
        bias=config.boolean("mlp_bias", default=False),
        path="feed_forward",
    )
    block = pre_norm(hidden, (*state, *attend), feed, names=("input_layernorm", "pre_ff_layernorm"))
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
