"""Mamba and Mamba-2, which keep a state in place of a KV cache, and how configs of hybrid models name their layers."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from ..config import Config
from ..errors import ConfigError, shown
from ..operators import (
    STATE_GROUPS,
    Activation,
    CausalConvolution,
    Norm,
    Operator,
    Output,
    Recurrence,
    StateFormat,
    Vector,
)
from ._blocks import Operators, columns, rows, within

ATTENTION, STATE = "full_attention", "linear_attention"
# the names of published configs, and those that transformers 5 gives them
LAYER_KINDS = {"attention": ATTENTION, ATTENTION: ATTENTION, "mamba": STATE, STATE: STATE}


def auto_rank(config: Config, name: str, hidden: int) -> int:
    """The low rank of Mamba's time steps: "auto" is a sixteenth of the hidden size."""
    if config.values.get(name, "auto") == "auto":
        return ceil(hidden / 16)
    return config.integer(name)


def auto_head(config: Config, name: str, inner: int, heads: int) -> int:
    """Values a head of Mamba-2: "auto" is an even share of the inner width."""
    return check_head(
        inner // heads if config.values.get(name, "auto") == "auto" else config.integer(name), heads, inner
    )


def check_head(dim: int, heads: int, inner: int) -> int:
    """Values a head, which all heads together must fill the inner width with."""
    if heads * dim != inner:
        raise ConfigError(
            f"The config has {heads} heads of the state space of {dim} values each, and an inner width of {inner}, "
            "which must be their product."
        )
    return dim


_STATE_FORMATS: dict[str, StateFormat] = {
    "float32": "float32",
    "bfloat16": "activations",
    "float16": "activations",
}
KIND_FIELDS = ("layers_block_type", "layer_types")
"""The list of layers: the older name and the one under which transformers saves it since."""


def layer_kinds(config: Config, depth: int, known: Mapping[str, str] = LAYER_KINDS) -> list[str]:
    """The kind of each layer from the config's list of them, whichever of its names the list and a kind go by."""
    name = next((name for name in KIND_FIELDS if config.has(name)), KIND_FIELDS[-1])
    return [known[kind] for kind in config.names(name, tuple(known), depth)]


def state_format(config: Config, default: StateFormat = "either") -> StateFormat:
    """The format of a recurrent state, where the config states one for engines."""
    for name in ("mamba_ssm_cache_dtype", "mamba_ssm_dtype"):
        if config.has(name) and (stated := config.text(name)) != "auto":
            if stated not in _STATE_FORMATS:
                raise ConfigError(
                    f"The config's {name} {shown(stated)} is not known. Accepted: auto, {', '.join(_STATE_FORMATS)}."
                )
            return _STATE_FORMATS[stated]
    return default


def mamba(
    hidden: int,
    *,
    inner: int,
    state: int,
    kernel: int,
    rank: int,
    bias: bool,
    conv_bias: bool,
    path: str = "mixer",
    norms: Operators = (),
) -> Operators:
    """Mamba's selective scan (arXiv 2312.00752): each channel keeps `state` values; time steps, B and C by each token.

    norms are those of the time steps, B and C (Jamba).
    """
    into, conv, selection, steps, scan, out = within(path, "in_proj", "conv1d", "x_proj", "dt_proj", "scan", "out_proj")
    decay, skip = within(path, "A_log", "D")
    return (
        columns(into, [Output(name=into, units=inner)] * 2, hidden, bias),
        CausalConvolution(name=conv, channels=(Output(name=conv, units=inner),), kernel=kernel, bias=conv_bias),
        rows(selection, rank + 2 * state, inner),
        *norms,
        columns(steps, [Output(name=steps, units=inner)], rank, bias=True),
        Recurrence(
            name=scan,
            heads=inner,
            key_dim=state,
            vectors=(Vector(name=decay, width=state), Vector(name=skip)),
            inputs=4,
            # the decay is the exponential of a product, made anew for each value
            flops_per_value=7,
            keeps="either",
            fixed=False,
        ),
        rows(out, hidden, inner, bias=bias),
    )


def inner_norms(rank: int, state: int, *, scaled: bool, path: str) -> Operators:
    """Norms of Mamba's time steps, B and C."""
    steps, key, query = within(path, "dt_layernorm", "b_layernorm", "c_layernorm")
    return tuple(
        Norm(name=name, width=width, scaled=scaled) for name, width in ((steps, rank), (key, state), (query, state))
    )


def mamba2(
    hidden: int,
    *,
    heads: int,
    dim: int,
    groups: int,
    state: int,
    kernel: int,
    chunk: int,
    bias: bool,
    conv_bias: bool,
    out_bias: bool | None = None,
    normed: bool = True,
    keeps: StateFormat = "either",
    path: str = "mixer",
) -> Operators:
    """Mamba-2 (arXiv 2405.21060): heads that keep dim x state values, in groups that share B and C; a gated norm."""
    if heads % groups:
        raise ConfigError(
            f"The config's {heads} heads of the state space are not a multiple of its {groups} groups of B and C."
        )
    into, conv, scan, norm, out = within(path, "in_proj", "conv1d", "ssd", "norm", "out_proj")

    def channels(name: str) -> tuple[Output, Output, Output]:
        shared = Output(name=name, units=groups, width=state)
        return Output(name=name, units=heads, width=dim), shared, shared

    gate, times = Output(name=into, units=heads, width=dim), Output(name=into, units=heads)
    gated: Operator = Activation(name=norm, width=heads * dim)
    if normed:
        gated = Norm(name=norm, width=dim, heads=heads, own_scales=True, gated=True, split="columns")
    return (
        columns(into, (gate, *channels(into), times), hidden, bias),
        CausalConvolution(name=conv, channels=channels(conv), kernel=kernel, bias=conv_bias),
        Recurrence(
            name=scan,
            heads=heads,
            key_dim=state,
            value_dim=dim,
            vectors=tuple(Vector(name=name) for name in within(path, "A_log", "D", "dt_bias")),
            inputs=2 * dim + 1 + ceil(2 * groups * state / heads),
            chunk=chunk,
            splits=((STATE_GROUPS, groups),),
            keeps=keeps,
            fixed=False,
        ),
        gated,
        rows(out, hidden, heads, dim, bias if out_bias is None else out_bias),
    )


def read_mamba2(
    config: Config, hidden: int, inner: int | None = None, *, out_bias: bool | None = None, normed: bool = True
) -> Operators:
    """Mamba-2 by the names that Bamba, Granite 4 and Falcon-H1 have for its fields (mamba_...), with their defaults."""
    heads = config.integer("mamba_n_heads", default=128)
    inner = config.integer("mamba_expand", default=2) * hidden if inner is None else inner
    return mamba2(
        hidden,
        heads=heads,
        dim=auto_head(config, "mamba_d_head", inner, heads),
        groups=config.integer("mamba_n_groups", default=1),
        state=config.integer("mamba_d_state", default=256),
        kernel=config.integer("mamba_d_conv", default=4),
        chunk=config.integer("mamba_chunk_size", default=256),
        bias=config.boolean("mamba_proj_bias", default=False),
        conv_bias=config.boolean("mamba_conv_bias", default=True),
        out_bias=out_bias,
        normed=normed,
        path="mamba",
    )


def from_mamba_ssm(config: Config) -> Config:
    """A config of the mamba_ssm package (d_model, n_layer, ssm_cfg) by the names of transformers."""
    if not config.has("d_model"):
        return config
    if config.has("attn_layer_idx") and config.integers("attn_layer_idx"):
        raise ConfigError(
            "The config's attn_layer_idx asks for attention layers, which are not described; it must be []."
        )
    inner = config.section("ssm_cfg") if config.has("ssm_cfg") else Config({}, notes=config.notes)
    hidden, expand = config.integer("d_model"), inner.integer("expand", default=2)
    multiple = config.integer("pad_vocab_size_multiple", default=8)
    dim = inner.integer("headdim", default=64)
    return config.stating(
        hidden_size=hidden,
        num_hidden_layers=config.integer("n_layer"),
        vocab_size=ceil(config.integer("vocab_size") / multiple) * multiple,
        expand=expand,
        conv_kernel=inner.integer("d_conv", default=4),
        state_size=inner.integer("d_state", default=128 if config.model_type == "mamba2" else 16),
        head_dim=dim,
        num_heads=expand * hidden // dim,
        n_groups=inner.integer("ngroups", default=1),
        tie_word_embeddings=config.boolean("tie_embeddings", default=True),
    )
