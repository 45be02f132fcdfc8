"""Granite 3 MoE with a shared expert beside the routed ones."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, pre_norm
from .granitemoe import experts_of


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias)
    block = pre_norm(hidden, attend, experts_of(config, shared_expert(config)))
    return decoder(config, grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"))


def shared_expert(config: Config) -> Operators:
    """The feed-forward that all tokens run; none where its width is 0."""
    width = config.integer("shared_intermediate_size", default=0, least=0)
    if not width:
        return ()
    names = ("input_linear", "input_linear", "output_linear")
    return gated_feed_forward(
        config.integer("hidden_size"), width, path="shared_mlp", names=names, shared=True, apart=True, reduces=False
    )
