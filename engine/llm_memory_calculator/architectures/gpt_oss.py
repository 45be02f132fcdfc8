"""gpt-oss: biases throughout, a learned sink a head, windowed and full layers in turn, experts with biases."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, mixture, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=8, dim_default=64),
        bias=config.boolean("attention_bias", default=True),
        attend=partial(attention, sinks=True),
        windows=windows_of(config, 128, slides=lambda index: index % 2 == 0),
        experts=mixture(
            config.integer("hidden_size"),
            count=config.integer("num_local_experts", "num_experts"),
            active=config.integer("num_experts_per_tok", "experts_per_token"),
            width=config.integer("intermediate_size"),
            bias=True,
            router="mlp.router",
            router_bias=True,
        ),
        gguf_rules="mxfp4_experts",
    )
