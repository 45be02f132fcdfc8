"""Mixers of linear attention: the gated delta net, Kimi delta attention, lightning attention."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import Config
from ..errors import ConfigError
from ..operators import CausalConvolution, Norm, Output, Recurrence, Vector
from ._blocks import Heads, Operators, columns, plain, rows, within
from ._recurrent import ATTENTION, STATE, layer_kinds

DELTA_CHUNK = 64
"""Tokens of a chunk in the kernels for delta rules and linear attention."""


def delta_net(
    config: Config,
    projections: Sequence[str],
    *,
    names: tuple[str, ...] = ("conv1d", "conv1d", "conv1d", "norm", "out_proj"),
) -> Operators:
    """The gated delta net (arXiv 2412.06464) of Qwen3-Next, Qwen3.5 and OLMo Hybrid.

    projections are the names of those of q, k, v, of the gate, and of the two rates of each head; names those of the
    convolutions of q, k and v, of the norm and of the output projection.
    """
    path = "linear_attn"
    hidden = config.integer("hidden_size")
    keys = config.integer("linear_num_key_heads", default=16)
    values = config.integer("linear_num_value_heads", default=32)
    key_dim = config.integer("linear_key_head_dim", default=128)
    value_dim = config.integer("linear_value_head_dim", default=128)
    if values % keys:
        raise ConfigError(
            f"The config's linear_num_value_heads {values} is not a multiple of its linear_num_key_heads {keys}."
        )
    *mixed, gate, beta, decay = within(path, *projections)
    *convolved, norm, out = within(path, *names)
    conv, rule = within(path, "conv1d", "delta_rule")

    def channels(query: str, key: str, value: str) -> tuple[Output, Output, Output]:
        return (
            Output(name=query, units=keys, width=key_dim),
            Output(name=key, units=keys, width=key_dim),
            Output(name=value, units=values, width=value_dim),
        )

    return (
        columns(mixed[0], (*channels(*mixed), Output(name=gate, units=values, width=value_dim)), hidden),
        columns(beta, (Output(name=beta, units=values), Output(name=decay, units=values)), hidden),
        CausalConvolution(
            name=conv, channels=channels(*convolved), kernel=config.integer("linear_conv_kernel_dim", default=4)
        ),
        Recurrence(
            name=rule,
            heads=values,
            key_dim=key_dim,
            value_dim=value_dim,
            vectors=tuple(Vector(name=name) for name in within(path, "A_log", "dt_bias")),
            inputs=2 * (key_dim + value_dim) + 2,
            flops_per_value=7,
            chunk=DELTA_CHUNK,
            splits=(("the key heads of the delta rule", keys),),
        ),
        Norm(name=norm, width=value_dim, heads=values, gated=True, split="columns"),
        rows(out, hidden, values, value_dim),
    )


def periodic_attention(config: Config, depth: int) -> list[str]:
    """The kind of each layer: by layer_types, else each n-th attends and the others keep a state."""
    if config.has("layer_types"):
        return layer_kinds(config, depth)
    period = config.integer("full_attention_interval", default=4)
    return [STATE if (index + 1) % period else ATTENTION for index in range(depth)]


def kimi_delta_attention(
    hidden: int,
    heads: int,
    dim: int,
    kernel: int,
    *,
    path: str = "self_attn",
    out_name: str = "o_proj",
    low_rank: bool = True,
    full_gate: bool = False,
) -> Operators:
    """Kimi delta attention (arXiv 2510.26692): a gated delta rule whose decay is each channel's own.

    low_rank: decay and gate are made of as many values as a head has, and not of the hidden states (Ling); full_gate:
    the decay alone (Kimi-K3).
    """
    query, key, value, beta, out = within(path, "q_proj", "k_proj", "v_proj", "b_proj", out_name)
    low_gate = low_rank and not full_gate
    inner = within(path, *(("f_a_proj",) if low_rank else ()), *(("g_a_proj",) if low_gate else ()))
    decay, gate = within(path, "f_b_proj" if low_rank else "f_proj", "g_b_proj" if low_gate else "g_proj")
    rule, norm, log, bias = within(path, "delta_rule", "o_norm", "A_log", "dt_bias")

    def each(names: Sequence[str]) -> tuple[Output, ...]:
        return tuple(Output(name=name, units=heads, width=dim) for name in names)

    return (
        columns(query, (*each((query, key, value)), Output(name=beta, units=heads)), hidden),
        *(plain(name, dim, hidden, part="mixer") for name in inner),
        columns(decay, each((decay,)), dim if low_rank else hidden),
        columns(gate, each((gate,)), dim if low_gate else hidden),
        CausalConvolution(
            name=within(path, "conv1d")[0],
            channels=each(within(path, "q_conv1d", "k_conv1d", "v_conv1d")),
            kernel=kernel,
        ),
        Recurrence(
            name=rule,
            heads=heads,
            key_dim=dim,
            value_dim=dim,
            vectors=(Vector(name=log), Vector(name=bias, width=dim)),
            inputs=5 * dim + 1,
            flops_per_value=7,
            chunk=DELTA_CHUNK,
        ),
        Norm(name=norm, width=dim, heads=heads, gated=True, split="columns"),
        rows(out, hidden, heads, dim),
    )


def lightning_attention(
    hidden: int,
    heads: Heads,
    chunk: int,
    *,
    path: str = "self_attn",
    names: tuple[str, str, str, str] = ("qkv_proj", "norm", "output_gate", "out_proj"),
    norms: Operators = (),
    qkv_bias: bool = False,
    out_bias: bool = False,
) -> Operators:
    """Lightning attention (arXiv 2501.08313): linear attention with a fixed decay a head, normed and gated.

    norms are those of q and k.
    """
    mixed, norm, gate, out = within(path, *names)
    each = Output(name=mixed, units=heads.query, width=heads.dim)
    return (
        columns(mixed, [each] * 3, hidden, qkv_bias),
        *norms,
        Recurrence(
            name=within(path, "lightning")[0],
            heads=heads.query,
            key_dim=heads.dim,
            value_dim=heads.dim,
            inputs=4 * heads.dim,
            chunk=chunk,
        ),
        Norm(name=norm, width=heads.dim, heads=heads.query, own_scales=True, gated=True, split="columns"),
        columns(gate, [Output(name=gate, units=heads.query, width=heads.dim)], hidden),
        rows(out, hidden, heads.query, heads.dim, out_bias),
    )
