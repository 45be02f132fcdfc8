"""K-EXAONE: windows in three of four layers, leading dense layers, then routed experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._attention import read_heads
from ._decoder import decoder, without_predictors
from ._feed_forward import beside_shared
from ._stack import depth_of, periodic_windows, window_of
from .dots1 import windowed_mixture


def build(config: Config) -> Architecture:
    heads, window = read_heads(config, kv_default=32), window_of(config, default=4096)
    windows = periodic_windows(config, depth_of(config), window, default=4)
    experts = beside_shared(config, shared=1, correction="e_score_correction_bias")
    stack = windowed_mixture(config, heads, windows, experts, leading=1)
    return without_predictors(decoder(config, stack), config)
