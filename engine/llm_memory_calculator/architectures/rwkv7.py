"""RWKV-7 (Goose), as the fla package has it: a delta rule by heads, its rates made by matrices of low rank."""

from math import ceil

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Output, TokenShift
from ._blocks import Heads, Operators, columns, plain, share, within
from ._rwkv import channel_mix, layer_norm, matrix_state, rwkv_model

PATH = "attn"


def build(config: Config) -> Architecture:
    if config.has("attn"):
        raise ConfigError("The config's attn asks for attention layers, which are not described; it must be null.")
    hidden = config.integer("hidden_size")
    if config.integer("value_dim", default=hidden) != hidden:
        raise ConfigError(f"The config's value_dim is not described unless it is the hidden_size, {hidden}.")
    heads, bias = read_heads(config, hidden), config.boolean("norm_bias", default=True)
    width = ceil(config.integer("hidden_ratio", default=4) * hidden / 32) * 32
    feeding = channel_mix(
        hidden,
        config.integer("intermediate_size", default=width),
        path="ffn",
        mixes=("x_k",),
        receptance=False,
    )

    def block(first: bool) -> Operators:
        mixing = time_mix(config, hidden, heads, first)
        pre = config.boolean("norm_first", default=True) and first
        before = (layer_norm("pre_norm", hidden, bias=bias),) if pre else ()
        attend_norm, feed_norm = (layer_norm(name, hidden, bias=bias) for name in ("attn_norm", "ffn_norm"))
        return (*before, attend_norm, *mixing, feed_norm, *feeding)

    return rwkv_model(
        config,
        block,
        path="model.layers.{index}",
        paths=("model.embeddings", "model.norm", "lm_head", ""),
        length=("max_position_embeddings",),
    )


def read_heads(config: Config, hidden: int) -> Heads:
    if config.has("head_dim") or not config.has("num_heads"):
        dim = config.integer("head_dim", default=64)
        heads = share(hidden, dim)
    else:
        heads = config.integer("num_heads")
        dim = share(hidden, heads)
    return Heads(query=heads, kv=heads, dim=dim)


def time_mix(config: Config, hidden: int, heads: Heads, first: bool) -> Operators:
    """The first layer gives the others its values to mix with theirs, and has no matrices for that."""
    mixes = ("x_r", "x_w", "x_k", "x_v", "x_a", "x_g")
    rates = {"w": "decay", "a": "a", "v": "v", "g": "gate"}
    low_rank = tuple(
        operator
        for letter, name in rates.items()
        if not (first and letter == "v")
        for operator in lora(letter, hidden, config.integer(f"{name}_low_rank_dim"), heads, bias=letter != "g")
    )
    return (
        TokenShift(name=PATH, width=hidden, mixes=mixes, streams=len(mixes)),
        *matrix_state(
            hidden,
            heads,
            path=PATH,
            projections=("r_proj", "k_proj", "v_proj"),
            vectors=("k_k", "k_a", "r_k"),
            norm="g_norm",
            out="o_proj",
            dynamic=low_rank,
            inputs=7,
            flops_per_value=9,
        ),
    )


def lora(letter: str, hidden: int, rank: int, heads: Heads, *, bias: bool) -> Operators:
    down, up = within(f"{PATH}.{letter}_lora.lora", "0", "2")
    return (
        plain(down, rank, hidden, part="mixer"),
        columns(up, [Output(name=up, units=heads.query, width=heads.dim)], rank, bias),
    )
