"""Command A+: Command R7B's layers with leading dense feed-forwards, then routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import beside_shared, leading_dense, parallel, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    width = config.integer("intermediate_size")
    leading = config.integer("first_k_dense_replace", default=0, least=0)
    first, period = (
        config.integer("prefix_dense_sliding_window_pattern", default=1),
        config.integer("sliding_window_pattern", default=4),
    )

    def slides(index: int) -> bool:
        return bool((index + 1) % first if index < leading else (index - leading + 1) % period)

    return plain_decoder(
        config,
        read_heads(config, dim_default=128),
        layer=parallel,
        windows=windows_of(config, 4096, slides=slides),
        experts=beside_shared(config.renamed(moe_intermediate_size="intermediate_size"), shared=0, correction=None),
        sparse=leading_dense(config, default=0),
        width=config.integer("prefix_dense_intermediate_size", default=width),
        tied_default=True,
    )
