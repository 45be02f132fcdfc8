"""RWKV: layers of time mixing (a recurrence) and channel mixing (a feed-forward), each after a shift by one token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Linear, Norm, Output, Recurrence, TokenShift, Vector
from ._blocks import Heads, Operators, columns, decoder, depth_of, grouped, rows, share, within
from ._linear_attention import DELTA_CHUNK


def layer_norm(name: str, hidden: int, *, bias: bool = True) -> Norm:
    return Norm(name=name, width=hidden, bias=bias)


def read_state_heads(config: Config) -> Heads:
    """Heads of the state of RWKV 5 and 6, `head_size` wide each; some configs repeat it as num_attention_heads."""
    hidden = config.integer("hidden_size")
    width = config.integer("attention_hidden_size", default=hidden)
    dim = config.integer("head_size", default=64)
    heads = share(width, dim)
    return Heads(query=heads, kv=heads, dim=dim)


def head_columns(name: str, names: Sequence[str], heads: Heads, hidden: int) -> Linear:
    """Projections to the heads of the state, in one product."""
    outputs = tuple(Output(name=each, units=heads.query, width=heads.dim, part="mixer") for each in names)
    return Linear(name=name, outputs=outputs, input_units=hidden, split="columns")


def matrix_state(
    hidden: int,
    heads: Heads,
    *,
    path: str,
    projections: tuple[str, ...],
    vectors: Sequence[str],
    norm: str,
    out: str,
    dynamic: Operators = (),
    inputs: int = 4,
    flops_per_value: int = 5,
) -> Operators:
    """Time mixing of RWKV 5 to 7: heads that keep a matrix each, normed by head, gated, and projected back.

    `dynamic` makes what changes with each token: decays (6, 7), mixes (6), rates (7). `inputs` counts the vectors of a
    head that the recurrence takes and gives.
    """
    core, group_norm, back = within(path, "wkv", norm, out)
    return (
        head_columns(within(path, "projections")[0], within(path, *projections), heads, hidden),
        *dynamic,
        Recurrence(
            name=core,
            heads=heads.query,
            key_dim=heads.dim,
            value_dim=heads.dim,
            vectors=tuple(Vector(name=name, width=heads.dim) for name in within(path, *vectors)),
            inputs=inputs * heads.dim,
            flops_per_value=flops_per_value,
            chunk=DELTA_CHUNK,
        ),
        Norm(
            name=group_norm, width=heads.dim, heads=heads.query, bias=True, own_scales=True, gated=True, split="columns"
        ),
        rows(back, hidden, heads.query, heads.dim),
    )


def channel_mix(hidden: int, width: int, *, path: str, mixes: tuple[str, ...], receptance: bool = True) -> Operators:
    """relu(key(x))², projected back; gated by a receptance until RWKV-7."""
    key, value, gate, act = within(path, "key", "value", "receptance", "act")
    return (
        TokenShift(name=path, width=hidden, mixes=mixes, streams=len(mixes)),
        columns(key, [Output(name=key, units=width)], hidden, part="up"),
        Activation(name=act, width=width, gated=False),
        *((columns(gate, [Output(name=gate, units=hidden)], hidden, part="gate"),) if receptance else ()),
        rows(value, hidden, width, part="down"),
    )


def rwkv_model(
    config: Config,
    block: Callable[[bool], Operators],
    *,
    path: str,
    paths: tuple[str, str, str, str],
    length: Sequence[str] = ("context_length",),
) -> Architecture:
    """The model around its layers: `block` gives one, told whether it is the first, which has something of its own."""
    depth = depth_of(config)
    return decoder(
        config,
        grouped([index == 0 for index in range(depth)], block, path),
        norm_bias=True,
        paths=paths,
        length=length,
    )
