"""gpt-oss: biases throughout, a learned sink a head, windowed and full layers in turn, experts with biases."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8, dim_default=64)
    depth, bias = depth_of(config), config.boolean("attention_bias", default=True)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts"),
        active=config.integer("num_experts_per_tok", "experts_per_token"),
        width=config.integer("intermediate_size"),
        bias=True,
        router="mlp.router",
        router_bias=True,
    )
    windows = layer_windows(config, depth, window_of(config, default=128), slides=lambda index: index % 2 == 0)
    stack = grouped(
        windows,
        lambda window: pre_norm(
            hidden, attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, sinks=True), experts
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, gguf_rules="mxfp4_experts")
