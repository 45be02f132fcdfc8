"""Granite 4: Mamba-2 or attention in each layer, then a shared feed-forward and, in the mixtures, routed experts."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, attention, decoder, depth_of, gated_feed_forward, grouped, mixture, pre_norm, read_heads
from ._recurrent import ATTENTION, KIND_FIELDS, STATE, layer_kinds, read_mamba2


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    bias, count = (
        config.boolean("attention_bias", default=False),
        config.integer("num_local_experts", default=8, least=0),
    )
    kinds = layer_kinds(config, depth) if config.has(*KIND_FIELDS) else [STATE] * depth
    feed: Operators = gated_feed_forward(
        hidden,
        config.integer("shared_intermediate_size", default=1024),
        path="shared_mlp",
        names=("input_linear", "input_linear", "output_linear"),
        apart=True,
        shared=count > 0,
        reduces=count == 0,
    )
    if count:
        feed = mixture(
            hidden,
            count=count,
            active=config.integer("num_experts_per_tok", default=2),
            width=config.integer("intermediate_size", default=11008),
            router="block_sparse_moe.router.layer",
            module="block_sparse_moe.experts",
            shared=feed,
        )
    attend = attention(hidden, read_heads(config), qkv_bias=bias, out_bias=bias)
    state = read_mamba2(config, hidden) if STATE in kinds else ()
    stack = grouped(
        kinds,
        lambda kind: pre_norm(hidden, attend if kind == ATTENTION else state, feed),
        "model.layers.{index}",
    )
    return decoder(config, stack)
