"""VaultGemma: Gemma 2 without the norms over the output of its blocks."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=4, dim_default=256)
    width, bias = config.integer("intermediate_size"), config.boolean("attention_bias", default=False)
    depth = depth_of(config)
    stack = grouped(
        layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: index % 2 == 0),
        lambda window: pre_norm(
            hidden,
            attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
            gated_feed_forward(hidden, width),
            names=("input_layernorm", "pre_feedforward_layernorm"),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True)
