"""SmolLM3: a Llama with a tied head; every fourth layer has no rotary embedding, and a window where the config asks."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=4), depth_of(config)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size")
    mlp_bias = config.boolean("mlp_bias", default=False)
    window = window_of(config, default=None) if config.boolean("use_sliding_window", default=False) else None
    rotated = config.integers("no_rope_layers", default=())
    period = config.integer("no_rope_layer_interval", default=4)
    stack = grouped(
        layer_windows(
            config,
            depth,
            window,
            slides=lambda index: not rotated[index] if index < len(rotated) else (index + 1) % period == 0,
        ),
        lambda window: pre_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
            gated_feed_forward(hidden, width, bias=mlp_bias),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
