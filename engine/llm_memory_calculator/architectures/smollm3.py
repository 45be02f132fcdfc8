"""SmolLM3: a Llama with a tied head; every fourth layer has no rotary embedding, and a window where the config asks."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import depth_of, gated_feed_forward, layer_windows, plain_decoder, read_heads, window_of


def build(config: Config) -> Architecture:
    window = window_of(config, default=None) if config.boolean("use_sliding_window", default=False) else None
    rotated = config.integers("no_rope_layers", default=())
    period = config.integer("no_rope_layer_interval", default=4)

    def slides(index: int) -> bool:
        return not rotated[index] if index < len(rotated) else (index + 1) % period == 0

    return plain_decoder(
        config,
        read_heads(config, kv_default=4),
        feed=partial(gated_feed_forward, bias=config.boolean("mlp_bias", default=False)),
        windows=layer_windows(config, depth_of(config), window, slides=slides),
        tied_default=True,
    )
