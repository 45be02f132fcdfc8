"""Doge: attention masked by learned gates, and learned weights on both residual sums."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Learned
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._products import plain
from ._stack import depth_of, grouped, layer_windows, pre_norm, window_of


def build(config: Config) -> Architecture:
    if config.boolean("is_moe", default=False):
        raise ConfigError("The config's is_moe is true; of Doge only dense models, with is_moe false, are described.")
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias, mlp_bias = config.boolean("attention_bias", default=False), config.boolean("mlp_bias", default=False)
    gate = (
        plain("self_attn.dt_proj", heads.kv, heads.kv * heads.dim, bias, part="mixer"),
        Learned(name="self_attn.A", size=heads.kv),
    )
    width, depth = config.integer("intermediate_size"), depth_of(config)
    after = [Learned(name=name, size=hidden) for name in ("input_residual", "post_attention_residual")]
    stack = grouped(
        layer_windows(config, depth, window_of(config, default=None), slides=lambda _: True),
        lambda window: pre_norm(
            hidden,
            (
                *gate,
                *attention(hidden, heads, window=window, qkv_bias=bias, out_bias=bias, head_norms=True),
                after[0],
            ),
            (*gated_feed_forward(hidden, width, bias=mlp_bias), after[1]),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack)
