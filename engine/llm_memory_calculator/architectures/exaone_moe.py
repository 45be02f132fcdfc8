"""K-EXAONE: windows in three of four layers, leading dense layers, then routed experts and a shared one."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import beside_shared, decoder, depth_of, periodic_windows, read_heads, window_of, without_predictors
from .dots1 import windowed_mixture


def build(config: Config) -> Architecture:
    heads, window = read_heads(config, kv_default=32), window_of(config, default=4096)
    windows = periodic_windows(config, depth_of(config), window, default=4)
    experts = beside_shared(config, shared=1, correction="e_score_correction_bias")
    stack = windowed_mixture(config, heads, windows, experts, leading=1)
    return without_predictors(decoder(config, stack), config)
