"""Llama-Nemotron Super 49B, Ultra 253B and 51B: a searched Llama whose layers have blocks of their own, or none."""

import math
from collections.abc import Mapping
from typing import Any

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Norm
from ._blocks import Heads, Operators, attention, decoder, depth_of, gated_feed_forward, grouped, share

# the width of a feed-forward block is rounded up to a multiple of this
_ROUND = 256


def build(config: Config) -> Architecture:
    hidden, query = config.integer("hidden_size"), config.integer("num_attention_heads")
    depth = depth_of(config)
    kinds = [
        (_kv_heads(block.section("attention"), query), _width(block.section("ffn"), hidden))
        for block in _sections(config, "block_configs", depth)
    ]

    def block(kind: tuple[int | None, int | None]) -> Operators:
        kv, width = kind
        found: Operators = ()
        if kv is not None:
            found += (
                Norm(name="input_layernorm", width=hidden),
                *attention(hidden, Heads(query=query, kv=kv, dim=share(hidden, query))),
            )
        if width is not None:
            found += (Norm(name="post_attention_layernorm", width=hidden), *gated_feed_forward(hidden, width))
        return found

    return decoder(config, grouped(kinds, block, "model.layers.{index}"))


def _sections(config: Config, name: str, depth: int) -> list[Config]:
    """An object for each layer."""
    entries = config.values.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(f"The config's {name} must be a list of objects, one for each layer.")
    config.check_length(name, entries, depth)
    return [
        Config(entry, where=f"{config.where}{name}[{index}].", notes=config.notes)
        for index, entry in enumerate(entries)
    ]


def _kv_heads(block: Config, query: int) -> int | None:
    """KV heads of a layer; None where it has no attention."""
    if _left_out(block):
        return None
    group = block.integer("n_heads_in_group")
    if query % group:
        raise ConfigError(f"The config's {block.where}n_heads_in_group {group} does not divide its {query} heads.")
    return query // group


def _width(block: Config, hidden: int) -> int | None:
    """Width of a layer's feed-forward block, 2/3 x ffn_mult x hidden_size rounded up; None where it has none."""
    if _left_out(block):
        return None
    times: Any = block.values.get("ffn_mult")
    if isinstance(times, bool) or not isinstance(times, (int, float)) or not (math.isfinite(times) and 0 < times < 100):
        raise ConfigError(
            f"The config's {block.where}ffn_mult must be a number above 0 and below 100, and is {shown(times)}."
        )
    return -(-int(2 * times * hidden / 3) // _ROUND) * _ROUND


def _left_out(block: Config) -> bool:
    if block.boolean("replace_with_linear", default=False):
        raise ConfigError(f"The config's {block.where}replace_with_linear is true, which is not described.")
    return block.boolean("no_op", default=False)
