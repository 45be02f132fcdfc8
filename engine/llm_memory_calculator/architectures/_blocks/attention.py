"""Blocks of attention: its heads, the projections around it, norms of queries and keys, latent attention."""

from __future__ import annotations

from dataclasses import dataclass

from ...config import Config
from ...errors import ConfigError
from ...operators import Activation, Attention, LatentAttention, Linear, Norm, Operator, Output, Part
from .products import Operators, plain, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The shape of attention: query heads, KV heads, values a head (of its values, where they differ)."""

    query: int
    kv: int
    dim: int
    value_dim: int | None = None


def read_heads(
    config: Config, *, kv_default: int | None = None, dim_default: int | None = None, query_default: int | None = None
) -> Heads:
    """Heads by the usual names; KV heads default to the query heads, the head's size to hidden_size / heads."""
    hidden = config.integer("hidden_size")
    query = (
        config.integer("num_attention_heads")
        if query_default is None
        else config.integer("num_attention_heads", default=query_default)
    )
    if "num_key_value_heads" in config.values and not config.has("num_key_value_heads"):
        # where a null is allowed it means one for each query head, whatever an absent field means
        kv_default = None
    kv = config.integer("num_key_value_heads", default=query if kv_default is None else kv_default)
    nulled = "head_dim" in config.values and not config.has("head_dim")
    if config.has("head_dim") or (dim_default is not None and not nulled):
        dim = config.integer("head_dim", default=hidden if dim_default is None else dim_default)
    else:
        dim = share(hidden, query)
    check_heads(query, kv)
    return Heads(query=query, kv=kv, dim=dim)


def share(hidden: int, heads: int) -> int:
    """Values a head where the config has no head_dim."""
    if heads < 1 or hidden % heads:
        raise ConfigError(
            f"The config's hidden_size {hidden} is not a multiple of its num_attention_heads {heads}, and it has no "
            "head_dim."
        )
    return hidden // heads


def check_heads(query: int, kv: int) -> None:
    if kv > query or query % kv:
        raise ConfigError(
            f"The config's num_attention_heads {query} is not a multiple of its num_key_value_heads {kv}."
        )


def equal_heads(hidden: int, query: int) -> Heads:
    """Heads that share the hidden size, each with its own keys and values."""
    return Heads(query=query, kv=query, dim=share(hidden, query))


def attention(
    hidden: int,
    heads: Heads,
    *,
    window: int | None = None,
    chunk: int | None = None,
    bias: bool = False,
    qkv_bias: bool | None = None,
    key_bias: bool = True,
    out_bias: bool | None = None,
    head_norms: bool = False,
    norms: Operators = (),
    sinks: bool = False,
    path: str = "self_attn",
    names: tuple[str, str, str, str] = ("q_proj", "k_proj", "v_proj", "o_proj"),
    reduces: bool = True,
    core: Operator | None = None,
    input_width: int | None = None,
    output_gate: bool = False,
    shared: bool = False,
    values_from_keys: bool = False,
    apart: bool = False,
) -> Operators:
    """Fused q, k and v projections, norms of q and k, the attention itself, the output projection.

    head_norms are RMSNorms over each head, the commonest; other ones are given as `norms`. `core` stands in place of
    causal attention over a cache. input_width is that of what is attended, where it is not the hidden size; output_gate
    is a gate on each value of the heads, which the query projection makes too. A layer that is `shared` has the keys
    and values of an earlier one; values_from_keys means that one projection gives both. bias is that of all
    projections but those which have a word of their own; key_bias False: where there are biases, the keys have none.
    q, k and v of one name are one matrix in the checkpoint, and in files made from it too unless they are `apart`.
    """
    query, key, value, out = within(path, *names)
    parts: tuple[Part, Part, Part] = ("qkv", "qkv", "qkv") if query == key == value and not apart else ("q", "k", "v")
    value_dim = heads.dim if heads.value_dim is None else heads.value_dim
    return (
        Linear(
            name=within(path, "qkv")[0],
            outputs=(
                Output(
                    name=query, units=heads.query, width=heads.dim + (value_dim if output_gate else 0), part=parts[0]
                ),
                *(
                    ()
                    if shared
                    else (Output(name=key, units=heads.kv, width=heads.dim, biased=key_bias, part=parts[1]),)
                ),
                *(
                    ()
                    if shared or values_from_keys
                    else (Output(name=value, units=heads.kv, width=value_dim, part=parts[2]),)
                ),
            ),
            input_units=hidden if input_width is None else input_width,
            bias=bias if qkv_bias is None else qkv_bias,
            split="columns",
        ),
        *(query_key_norms(heads, path=path)[: 1 if shared else 2] if head_norms else norms),
        core
        or Attention(
            name=path,
            heads=heads.query,
            kv_heads=heads.kv,
            head_dim=heads.dim,
            value_dim=heads.value_dim,
            window=window,
            chunk=chunk,
            sinks=sinks,
            shared=shared,
        ),
        *((Activation(name=within(path, "gate")[0], width=heads.query * value_dim),) if output_gate else ()),
        Linear(
            name=out,
            outputs=(Output(name=out, units=hidden, part="out"),),
            input_units=heads.query,
            input_width=value_dim,
            bias=bias if out_bias is None else out_bias,
            split="rows",
            reduces=reduces,
        ),
    )


def gated_attention(attend: Operators, hidden: int, heads: Heads, name: str, *, per_head: bool = False) -> Operators:
    """Attention, gated before its output projection by a product of its own input, a value or a head each."""
    width = heads.dim if heads.value_dim is None else heads.value_dim
    gate = Linear(
        name=name,
        outputs=(Output(name=name, units=heads.query, width=1 if per_head else width, part="mixer"),),
        input_units=hidden,
        split="columns",
    )
    return (*attend[:-1], gate, Activation(name=f"{name}.act", width=heads.query * width), attend[-1])


def latent_attention(
    config: Config, *, path: str = "self_attn", out: str = "o_proj", sparse: bool = False
) -> Operators:
    """Multi-head latent attention as DeepSeek-V2 and V3 have it; q_lora_rank null means one plain query projection."""
    hidden, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    rank, rope = config.integer("kv_lora_rank"), config.integer("qk_rope_head_dim")
    nope, value = config.integer("qk_nope_head_dim"), config.integer("v_head_dim")
    bias = config.boolean("attention_bias", default=False)
    query_rank = config.optional_integer("q_lora_rank")
    if query_rank is None and "q_lora_rank" not in config.values:
        raise ConfigError("The config has no q_lora_rank, which latent attention needs; null means no low rank.")
    query_name = f"{path}.q_proj" if query_rank is None else f"{path}.q_b_proj"
    query = Linear(
        name=query_name,
        outputs=(Output(name=query_name, units=heads, width=nope + rope, part="q" if query_rank is None else "q_b"),),
        input_units=hidden if query_rank is None else query_rank,
        split="columns",
    )
    low_rank: Operators = ()
    if query_rank is not None:
        low_rank = (
            plain(f"{path}.q_a_proj", query_rank, hidden, bias, part="q_a"),
            Norm(name=f"{path}.q_a_layernorm", width=query_rank),
        )
    return (
        *low_rank,
        query,
        plain(f"{path}.kv_a_proj_with_mqa", rank + rope, hidden, bias, part="kv_a"),
        Norm(name=f"{path}.kv_a_layernorm", width=rank),
        Linear(
            name=f"{path}.kv_b_proj",
            outputs=(Output(name=f"{path}.kv_b_proj", units=heads, width=nope + value, part="kv_b"),),
            input_units=rank,
            split="columns",
        ),
        LatentAttention(
            name=path,
            heads=heads,
            latent_rank=rank,
            rope_dim=rope,
            nope_dim=nope,
            value_dim=value,
            picked=config.integer("index_topk") if sparse else None,
        ),
        Linear(
            name=f"{path}.{out}",
            outputs=(Output(name=f"{path}.{out}", units=hidden, part="out"),),
            input_units=heads,
            input_width=value,
            bias=bias,
            split="rows",
        ),
    )


def query_key_norms(
    heads: Heads,
    *,
    path: str = "self_attn",
    names: tuple[str, str] = ("q_norm", "k_norm"),
    bias: bool = False,
    own_scales: bool = False,
    scaled: bool = True,
) -> Operators:
    """Norms over each head of q and k, with one scale for all heads, one for each, or none."""
    query, key = (f"{path}.{name}" for name in names)
    return tuple(
        Norm(name=name, width=heads.dim, heads=count, bias=bias, own_scales=own_scales, scaled=scaled, split="columns")
        for name, count in ((query, heads.query), (key, heads.kv))
    )
