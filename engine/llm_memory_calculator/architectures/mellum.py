"""Mellum 2: Qwen3's mixture with windows in the layers that layer_types names."""

from ..architecture import Architecture
from ..config import Config
from ._attention import read_heads
from ._decoder import decoder, without_predictors
from ._feed_forward import beside_shared
from ._stack import depth_of, layer_windows, window_of
from .dots1 import windowed_mixture


def build(config: Config) -> Architecture:
    heads, window = read_heads(config, kv_default=4, dim_default=128), window_of(config, default=1024)
    windows = layer_windows(config, depth_of(config), window, slides=lambda _: False)
    stack = windowed_mixture(config, heads, windows, beside_shared(config, shared=0, correction=None), leading=0)
    return without_predictors(decoder(config, stack), config.renamed(num_nextn_predict_layers="num_mtp_layers"))
