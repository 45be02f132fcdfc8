"""dots.llm1: norms over each head of q and k, leading dense layers, then routed and shared experts."""

from collections.abc import Sequence

from ..architecture import Architecture, Layer
from ..config import Config
from ._attention import Heads, attention, read_heads
from ._decoder import decoder
from ._feed_forward import beside_shared, gated_feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, layer_windows, leading_dense, pre_norm, window_of


def build(config: Config) -> Architecture:
    depth, begin = depth_of(config), config.integer("max_window_layers", default=62, least=0)
    windows = layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: index >= begin)
    heads = read_heads(config, kv_default=32)
    return decoder(config, windowed_mixture(config, heads, windows, beside_shared(config), leading=0))


def windowed_mixture(
    config: Config, heads: Heads, windows: Sequence[int | None], experts: Operators, *, leading: int
) -> tuple[Layer, ...]:
    """Layers with a window or none, norms over each head of q and k, and experts in all but `leading` dense ones."""
    hidden, bias = config.integer("hidden_size"), config.boolean("attention_bias", default=False)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    return grouped(
        list(zip(windows, leading_dense(config, len(windows), default=leading), strict=True)),
        lambda kind: pre_norm(
            hidden,
            attention(hidden, heads, window=kind[0], qkv_bias=bias, out_bias=bias, head_norms=True),
            experts if kind[1] else dense,
        ),
        "model.layers.{index}",
    )
