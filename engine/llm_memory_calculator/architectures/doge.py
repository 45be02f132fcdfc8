"""Doge: attention masked by learned gates, and learned weights on both residual sums."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Learned
from ._blocks import Heads, Operators, attention, gated_feed_forward, plain, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    if config.boolean("is_moe", default=False):
        raise ConfigError("The config's is_moe is true; of Doge only dense models, with is_moe false, are described.")
    mlp_bias = config.boolean("mlp_bias", default=False)

    def attend(hidden: int, heads: Heads, *, window: int | None, bias: bool) -> Operators:
        return (
            plain("self_attn.dt_proj", heads.kv, heads.kv * heads.dim, bias, part="mixer"),
            Learned(name="self_attn.A", size=heads.kv),
            *attention(hidden, heads, window=window, bias=bias, head_norms=True),
            Learned(name="input_residual", size=hidden),
        )

    def feed(hidden: int, width: int) -> Operators:
        return (*gated_feed_forward(hidden, width, bias=mlp_bias), Learned(name="post_attention_residual", size=hidden))

    windows = windows_of(config, None)
    return plain_decoder(config, read_heads(config), attend=attend, feed=feed, windows=windows)
