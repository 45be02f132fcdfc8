"""StarCoder2 3B, 7B and 15B: grouped KV heads, a window in all layers, LayerNorm and biases throughout, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import depth_of, feed_forward, plain_decoder, pre_norm, read_heads, window_of


def build(config: Config) -> Architecture:
    bias, window = config.boolean("use_bias", default=True), window_of(config, default=None)
    return plain_decoder(
        config,
        read_heads(config, kv_default=2),
        bias=bias,
        feed=partial(feed_forward, bias=bias, names=("c_fc", "c_proj")),
        layer=partial(pre_norm, bias=True),
        windows=[window] * depth_of(config),
        tied_default=True,
        norm_bias=True,
    )
