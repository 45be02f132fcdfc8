"""MiniMax-Text-01 and M1: seven layers of lightning attention to each of softmax attention, experts in all."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import attention, decoder, depth_of, grouped, mixture, per_layer, pre_norm, read_heads
from ._encoders import class_of
from ._linear_attention import lightning_attention
from ._recurrent import ATTENTION, STATE, layer_kinds
from .minimax_m2 import build as build_m2


def build(config: Config) -> Architecture:
    # the first configs of MiniMax-M2 call it so too
    if class_of(config).startswith("MiniMaxM2"):
        return build_m2(config)
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=8), depth_of(config)
    if config.values.get("shared_intermediate_size") not in (None, 0, [0], [0] * depth):
        raise ConfigError(
            "The config's shared_intermediate_size asks for shared experts, which are not described; it must be 0."
        )
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", "num_experts", default=8),
        active=config.integer("num_experts_per_tok", default=2),
        width=config.integer("intermediate_size", default=14336),
        router="block_sparse_moe.gate",
        module="block_sparse_moe.experts",
        names=("w1", "w3", "w2"),
    )
    mixers = {
        ATTENTION: attention(hidden, heads),
        STATE: lightning_attention(hidden, heads, config.integer("block_size", default=256)),
    }
    stack = grouped(kinds(config, depth), lambda kind: pre_norm(hidden, mixers[kind], experts), "model.layers.{index}")
    return decoder(config, stack)


def kinds(config: Config, depth: int) -> list[str]:
    """The kind of each layer: by name, or by a 1 for softmax attention; the family's default alternates."""
    if config.has("layer_types"):
        return layer_kinds(config, depth)
    if config.has("attn_type_list"):
        return [ATTENTION if flag else STATE for flag in per_layer(config, "attn_type_list", depth)]
    config.note("layer_types", "Absent; the family's default, attention in every other layer, was taken.", "default")
    return [STATE if index % 2 else ATTENTION for index in range(depth)]
