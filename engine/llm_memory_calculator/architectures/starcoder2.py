"""StarCoder2 3B, 7B and 15B: grouped KV heads, a window in all layers, LayerNorm and biases throughout, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm, window_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=2)
    bias, window = config.boolean("use_bias", default=True), window_of(config, default=None)
    block = pre_norm(
        hidden,
        attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias),
        feed_forward(hidden, config.integer("intermediate_size"), bias=bias, names=("c_fc", "c_proj")),
        bias=True,
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        tied_default=True,
        norm_bias=True,
    )
