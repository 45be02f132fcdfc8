"""Blocks that families are put together from: attention, feed-forward, mixture of experts, the decoder around them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..operators import (
    Activation,
    Attention,
    Buffer,
    Embedding,
    Experts,
    Indexer,
    LatentAttention,
    Linear,
    Norm,
    Operator,
    Output,
)
from ..report import Note

Operators = tuple[Operator, ...]
Kind = TypeVar("Kind", bound=Hashable)
SLIDING, FULL = "sliding_attention", "full_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The shape of attention: query heads, KV heads, values a head (of its values, where they differ)."""

    query: int
    kv: int
    dim: int
    value_dim: int | None = None


def depth_of(config: Config, *names: str) -> int:
    """The number of layers; `names` where a family has others than num_hidden_layers."""
    return config.integer(*(names or ("num_hidden_layers",)), most=DEEPEST_STACK)


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
    if hidden % heads:
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


def pre_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    bias: bool = False,
    names: tuple[str, str] = ("input_layernorm", "post_attention_layernorm"),
) -> Operators:
    """A layer that norms the input of each of its two blocks."""
    return (
        Norm(name=names[0], width=hidden, bias=bias),
        *attend,
        Norm(name=names[1], width=hidden, bias=bias),
        *feed_forward,
    )


def sandwich_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    names: tuple[str, str, str, str] = (
        "input_layernorm",
        "post_attention_layernorm",
        "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
    ),
) -> Operators:
    """A layer that norms the input and the output of each of its two blocks."""
    before, after, before_feed_forward, after_feed_forward = (Norm(name=name, width=hidden) for name in names)
    return (before, *attend, after, before_feed_forward, *feed_forward, after_feed_forward)


def attention(
    hidden: int,
    heads: Heads,
    *,
    window: int | None = None,
    chunk: int | None = None,
    qkv_bias: bool = False,
    key_bias: bool = True,
    out_bias: bool = False,
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
) -> Operators:
    """Fused q, k and v projections, norms of q and k, the attention itself, the output projection.

    head_norms are RMSNorms over each head, the commonest; other ones are given as `norms`. `core` stands in place of
    causal attention over a cache. input_width is that of what is attended, where it is not the hidden size; output_gate
    is a gate on each value of the heads, which the query projection makes too. A layer that is `shared` has the keys
    and values of an earlier one; values_from_keys means that one projection gives both. key_bias False: where there are
    biases, the keys have none.
    """
    query, key, value, out = within(path, *names)
    value_dim = heads.dim if heads.value_dim is None else heads.value_dim
    return (
        Linear(
            name=within(path, "qkv")[0],
            outputs=(
                Output(name=query, units=heads.query, width=heads.dim + (value_dim if output_gate else 0)),
                *(() if shared else (Output(name=key, units=heads.kv, width=heads.dim, biased=key_bias),)),
                *(() if shared or values_from_keys else (Output(name=value, units=heads.kv, width=value_dim),)),
            ),
            input_units=hidden if input_width is None else input_width,
            bias=qkv_bias,
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
            outputs=(Output(name=out, units=hidden),),
            input_units=heads.query,
            input_width=value_dim,
            bias=out_bias,
            split="rows",
            reduces=reduces,
        ),
    )


def gated_attention(attend: Operators, hidden: int, heads: Heads, name: str, *, per_head: bool = False) -> Operators:
    """Attention, gated before its output projection by a product of its own input, a value or a head each."""
    width = heads.dim if heads.value_dim is None else heads.value_dim
    gate = Linear(
        name=name,
        outputs=(Output(name=name, units=heads.query, width=1 if per_head else width),),
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
        outputs=(Output(name=query_name, units=heads, width=nope + rope),),
        input_units=hidden if query_rank is None else query_rank,
        split="columns",
    )
    low_rank: Operators = ()
    if query_rank is not None:
        low_rank = (
            plain(f"{path}.q_a_proj", query_rank, hidden, bias),
            Norm(name=f"{path}.q_a_layernorm", width=query_rank),
        )
    return (
        *low_rank,
        query,
        plain(f"{path}.kv_a_proj_with_mqa", rank + rope, hidden, bias),
        Norm(name=f"{path}.kv_a_layernorm", width=rank),
        Linear(
            name=f"{path}.kv_b_proj",
            outputs=(Output(name=f"{path}.kv_b_proj", units=heads, width=nope + value),),
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
            outputs=(Output(name=f"{path}.{out}", units=hidden),),
            input_units=heads,
            input_width=value,
            bias=bias,
            split="rows",
        ),
    )


def within(path: str, *names: str) -> tuple[str, ...]:
    """The paths of modules inside `path`, which is empty where they stand in the layer itself."""
    return tuple(f"{path}.{name}" if path else name for name in names)


def plain(name: str, outputs: int, inputs: int, bias: bool = False) -> Linear:
    """One matrix that every rank keeps whole."""
    return Linear(name=name, outputs=(Output(name=name, units=outputs),), input_units=inputs, bias=bias)


def gated_feed_forward(
    hidden: int,
    width: int,
    *,
    bias: bool = False,
    down_bias: bool | None = None,
    path: str = "mlp",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    reduces: bool = True,
) -> Operators:
    """down(act(gate(x)) * up(x)), gate and up in one product; down has a bias where the others have, or by itself."""
    gate, up, down, fused, act = within(path, *names, "gate_up", "act")
    return (
        Linear(
            name=fused,
            outputs=(Output(name=gate, units=width), Output(name=up, units=width)),
            input_units=hidden,
            bias=bias,
            split="columns",
        ),
        Activation(name=act, width=width),
        _down(down, hidden, width, bias if down_bias is None else down_bias, reduces),
    )


def feed_forward(
    hidden: int, width: int, *, bias: bool, path: str = "mlp", names: tuple[str, str], reduces: bool = True
) -> Operators:
    """down(act(up(x)))."""
    up, down, act = within(path, *names, "act")
    return (
        Linear(name=up, outputs=(Output(name=up, units=width),), input_units=hidden, bias=bias, split="columns"),
        Activation(name=act, width=width, gated=False),
        _down(down, hidden, width, bias, reduces),
    )


def _down(name: str, hidden: int, width: int, bias: bool, reduces: bool) -> Linear:
    return Linear(
        name=name,
        outputs=(Output(name=name, units=hidden),),
        input_units=width,
        bias=bias,
        split="rows",
        reduces=reduces,
    )


def mixture(
    hidden: int,
    *,
    count: int,
    active: int,
    width: int,
    bias: bool = False,
    router: str = "mlp.gate",
    router_bias: bool = False,
    module: str = "mlp.experts",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    shared: Operators = (),
    gated: bool = True,
    latent: int | None = None,
) -> Operators:
    """Router, routed experts, then shared experts if any; one sum over the ranks carries both.

    `latent` is the width of what the experts work on, where it is not the hidden size.
    """
    if active > count:
        raise ConfigError(f"The config routes each token to {active} experts, and there are only {count}.")
    return (
        Linear(
            name=router,
            outputs=(Output(name=router, units=count),),
            input_units=hidden,
            bias=router_bias,
            role="router",
        ),
        Experts(
            name=module,
            count=count,
            active=active,
            hidden=hidden if latent is None else latent,
            intermediate=width,
            gated=gated,
            bias=bias,
            module=module,
            names=names,
        ),
        *shared,
    )


def beside_shared(
    config: Config,
    *,
    shared: int | None = None,
    shared_width: int | None = None,
    bias: bool = False,
    path: str = "mlp",
    names: tuple[str, str, str] = ("experts", "shared_experts", "gate"),
    correction: str | None = "gate.e_score_correction_bias",
    correction_counted: bool = False,
) -> Operators:
    """Routed experts by the usual names, shared ones as one feed-forward beside them, and DeepSeek-V3's correction.

    shared is the family's default number of shared experts (None: the config must say); shared_width is that of all
    where it does not follow from their number; bias is theirs. names are of routed experts, shared ones and router.
    correction_counted: the correction is a parameter and not a buffer.
    """
    hidden, width = config.integer("hidden_size"), config.integer("moe_intermediate_size")
    count = config.integer("n_routed_experts", "num_experts", "num_local_experts")
    if shared_width is None:
        known = ("n_shared_experts", "num_shared_experts")
        number = config.integer(*known, least=0) if shared is None else config.integer(*known, default=shared, least=0)
        shared_width = number * width
    routed, shared_path, router = within(path, *names)
    corrections: Operators = ()
    if correction is not None:
        corrections = (Buffer(name=within(path, correction)[0], size=count, counted=correction_counted),)
    return (
        *mixture(
            hidden,
            count=count,
            active=config.integer("num_experts_per_tok"),
            width=width,
            router=router,
            module=routed,
            shared=gated_feed_forward(hidden, shared_width, bias=bias, path=shared_path, reduces=False)
            if shared_width
            else (),
        ),
        *corrections,
    )


def shared_expert_mixture(config: Config, *, count: int, active: int, width: int, shared_width: int) -> Operators:
    """Qwen's mixture: routed experts beside one shared expert with a gate; nothing where there are no experts.

    count, active and the widths are the family's defaults.
    """
    hidden, gate = config.integer("hidden_size"), "mlp.shared_expert_gate"
    experts = config.integer("num_experts", "num_local_experts", default=count, least=0)
    if experts == 0:
        return ()
    shared = config.integer("shared_expert_intermediate_size", default=shared_width)
    return mixture(
        hidden,
        count=experts,
        active=config.integer("num_experts_per_tok", default=active),
        width=config.integer("moe_intermediate_size", default=width),
        shared=(
            *gated_feed_forward(hidden, shared, path="mlp.shared_expert", reduces=False),
            Linear(name=gate, outputs=(Output(name=gate, units=1),), input_units=hidden, role="router"),
        ),
    )


def window_of(config: Config, default: int | None) -> int | None:
    """The sliding window in tokens; null says there is none, an absent field means the family's default."""
    if "sliding_window" in config.values and config.values["sliding_window"] is None:
        return None
    if config.has("sliding_window"):
        return config.integer("sliding_window")
    if default is not None:
        return config.integer("sliding_window", default=default)
    return None


def layer_windows(config: Config, depth: int, window: int | None, *, slides: Callable[[int], bool]) -> list[int | None]:
    """The window of each layer: by layer_types where the config has them, else where `slides(index)` says so."""
    types = config.names("layer_types", (SLIDING, FULL), depth) if config.has("layer_types") else None
    if window is None:
        if types is not None and SLIDING in types:
            raise ConfigError("The config's layer_types has sliding_attention layers, and its sliding_window is null.")
        return [None] * depth
    if types is not None:
        return [window if kind == SLIDING else None for kind in types]
    return [window if slides(index) else None for index in range(depth)]


def grouped(kinds: Sequence[Kind], block: Callable[[Kind], Operators], path: str) -> tuple[Layer, ...]:
    """Layers of a stack by kind, in the order in which the kinds first appear."""
    indices: dict[Kind, list[int]] = {}
    for index, kind in enumerate(kinds):
        indices.setdefault(kind, []).append(index)
    return tuple(Layer(path=path, operators=block(kind), indices=tuple(found)) for kind, found in indices.items())


def decoder(
    config: Config,
    stack: tuple[Layer, ...],
    *,
    tied_default: bool = False,
    norm_bias: bool = False,
    head_bias: bool = False,
    hidden: int | None = None,
    positions: int | None = None,
    after_table: Operators = (),
    before_head: Operators | None = None,
    table_width: int | None = None,
    paths: tuple[str, str, str, str] = ("model.embed_tokens", "model.norm", "lm_head", "model.embed_positions"),
    length: Sequence[str] = ("max_position_embeddings",),
) -> Architecture:
    """A decoder around its stack: the vocabulary's table, learned positions if any, final norm, head (tied or not).

    after_table and before_head are operators there (before_head in place of the final norm); table_width is that of the
    vocabulary's table and of the head, where it is not the hidden size.
    """
    hidden = config.integer("hidden_size") if hidden is None else hidden
    vocabulary = config.integer("vocab_size")
    tied = config.boolean("tie_word_embeddings", default=tied_default)
    table, norm, head, position_table = paths
    width = hidden if table_width is None else table_width
    first: Operators = (Embedding(name=table, entries=vocabulary, width=width),)
    if positions is not None:
        first += (Embedding(name=position_table, entries=positions, width=hidden, split="none"),)
    final_norm: Operators = (Norm(name=norm, width=hidden, bias=norm_bias),)
    last: Operators = (
        *(final_norm if before_head is None else before_head),
        vocabulary_head(head, vocabulary, width, tied=tied, bias=head_bias),
    )
    longest = config.optional_integer(*length)
    return Architecture(
        model_type=config.model_type,
        hidden_size=hidden,
        vocab_size=vocabulary,
        first=Layer(path="", operators=(*first, *after_table)),
        stack=stack,
        last=Layer(path="", operators=last),
        max_length=longest,
        dtype=dtype_of(config),
        notes=tuple(config.notes),
    )


def vocabulary_head(
    name: str,
    vocabulary: int,
    inputs: int,
    *,
    tied: bool,
    bias: bool = False,
    per: Literal["token", "sequence"] = "sequence",
) -> Linear:
    """The logits over the vocabulary: of the next token, or of every one; a tied head stores its bias alone."""
    return Linear(
        name=name,
        outputs=(Output(name=name, units=vocabulary),),
        input_units=inputs,
        bias=bias,
        split="columns",
        role="head",
        stored=not tied,
        per=per,
    )


def dtype_of(config: Config) -> str | None:
    """The number format that a config states for its weights."""
    dtype = config.text("torch_dtype", "dtype") if config.has("torch_dtype", "dtype") else None
    if config.has("torch_dtype") and config.has("dtype") and config.text("dtype") != dtype:
        raise ConfigError(f"The config's torch_dtype is {dtype!r}, and its dtype is {config.text('dtype')!r}.")
    return dtype


def qwen_windows(
    config: Config, depth: int, slides: Callable[[int, int], bool] = lambda index, limit: index >= limit
) -> list[int | None]:
    """Qwen's windows: none unless use_sliding_window, then in the layers from max_window_layers on.

    `slides` says otherwise of the index of a layer and max_window_layers.
    """
    if not config.boolean("use_sliding_window", default=False):
        return [None] * depth
    limit = config.integer("max_window_layers", default=28, least=0)
    return layer_windows(config, depth, window_of(config, default=4096), slides=lambda index: slides(index, limit))


def sparse_layers(config: Config, depth: int) -> list[bool]:
    """Which layers of a Qwen mixture have experts: every decoder_sparse_step-th but those of mlp_only_layers."""
    step = config.integer("decoder_sparse_step", default=1)
    dense = set(config.integers("mlp_only_layers", default=()))
    if step > depth or any(index >= depth for index in dense):
        raise ConfigError(f"The config's decoder_sparse_step {step} or mlp_only_layers exceeds its {depth} layers.")
    return [index not in dense and (index + 1) % step == 0 for index in range(depth)]


def deepseek_stack(
    config: Config, *router_extras: Operator, indexed: Sequence[bool] | None = None, bias: bool = False
) -> tuple[Layer, ...]:
    """The layers of DeepSeek-V2 and V3: latent attention; dense up to first_k_dense_replace, then experts.

    indexed (V3.2): attention is to the tokens that an indexer picks, and these layers have one of their own. bias: the
    feed-forwards have them, the routed experts apart.
    """
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    if config.has("first_k_dense_replace") and config.integer("first_k_dense_replace", least=0) > depth:
        raise ConfigError(f"The config's first_k_dense_replace exceeds its {depth} layers.")
    sparse = leading_dense(config, depth)
    if not config.has("mlp_layer_types"):
        every = config.integer("moe_layer_freq", default=1)
        sparse = [leads and index % every == 0 for index, leads in enumerate(sparse)]
    experts = beside_shared(config, bias=bias, correction=None)
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias)
    attend = latent_attention(config, sparse=indexed is not None)
    pick: Operators = () if indexed is None else indexer(config)
    return grouped(
        list(zip(sparse, [False] * depth if indexed is None else indexed, strict=True)),
        lambda kind: pre_norm(
            hidden, (*pick, *attend) if kind[1] else attend, (*experts, *router_extras) if kind[0] else dense
        ),
        "model.layers.{index}",
    )


def kv_sharing(config: Config, kinds: Sequence[str]) -> list[bool]:
    """Which layers attend the keys and values of an earlier one: the last num_kv_shared_layers (Gemma 3n and 4)."""
    shared = config.integer("num_kv_shared_layers", default=0, least=0)
    own = len(kinds) - shared
    if own < 1 or set(kinds[own:]) - set(kinds[:own]):
        raise ConfigError(
            f"The config's num_kv_shared_layers {shared} leaves a kind of layer without one that has keys and values "
            f"of its own, of {len(kinds)} layers."
        )
    return [index >= own for index in range(len(kinds))]


def equal_heads(hidden: int, query: int) -> Heads:
    """Heads that share the hidden size, each with its own keys and values."""
    return Heads(query=query, kv=query, dim=share(hidden, query))


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


def post_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    bias: bool = False,
    names: tuple[str, str] = ("post_attention_layernorm", "post_feedforward_layernorm"),
) -> Operators:
    """A layer that norms the output of each of its two blocks, or the sum with its input (BERT)."""
    return (
        *attend,
        Norm(name=names[0], width=hidden, bias=bias),
        *feed_forward,
        Norm(name=names[1], width=hidden, bias=bias),
    )


def parallel(
    hidden: int, attend: Operators, feed_forward: Operators, *, name: str = "input_layernorm", bias: bool = False
) -> Operators:
    """A layer that norms its input once, for attention and feed-forward side by side."""
    return (Norm(name=name, width=hidden, bias=bias), *attend, *feed_forward)


def indexer(config: Config, *, path: str = "self_attn.indexer") -> Operators:
    """The lightning indexer of DeepSeek-V3.2: queries from the low-rank ones, one key a token, a weight a head."""
    hidden, rank = config.integer("hidden_size"), config.integer("q_lora_rank")
    heads, dim = config.integer("index_n_heads"), config.integer("index_head_dim")
    return (
        plain(f"{path}.wq_b", heads * dim, rank, False),
        plain(f"{path}.wk", dim, hidden, False),
        Norm(name=f"{path}.k_norm", width=dim, bias=True),
        plain(f"{path}.weights_proj", heads, hidden, False),
        Indexer(name=path, heads=heads, head_dim=dim),
    )


def router_correction(count: int, name: str = "mlp.gate.e_score_correction_bias") -> Buffer:
    """What DeepSeek-V3's way of balancing adds to the routers' scores."""
    return Buffer(name=name, size=count)


def hyper_connection(
    names: tuple[str, str, str],
    hidden: int,
    streams: int,
    *,
    weights: int,
    scales: int,
    per: Literal["token", "sequence"],
) -> Operators:
    """A product over all streams of the residual gives `weights` that collapse, expand or mix them; base and scale."""
    mix, base, scale = names
    return (
        Linear(
            name=mix,
            outputs=(Output(name=mix, units=weights),),
            input_units=streams * hidden,
            role="router",
            per=per,
        ),
        Buffer(name=base, size=weights, counted=True),
        Buffer(name=scale, size=scales, counted=True),
    )


def leading_dense(
    config: Config, depth: int, default: int | None = None, name: str = "first_k_dense_replace"
) -> list[bool]:
    """Which layers have experts: by mlp_layer_types where the config has them, else all from first_k_dense_replace."""
    if config.has("mlp_layer_types"):
        return [kind == "sparse" for kind in config.names("mlp_layer_types", ("dense", "sparse"), depth)]
    leading = config.integer(name, least=0) if default is None else config.integer(name, default=default, least=0)
    return [index >= leading for index in range(depth)]


def without_predictors(
    architecture: Architecture, config: Config, name: str = "num_nextn_predict_layers", default: int = 0
) -> Architecture:
    """Say of the layers for multi-token prediction that they stand in the checkpoint and are not counted."""
    predictors = config.integer(name, default=default, least=0)
    apart = Note(
        subject=name,
        text=f"{predictors} layer(s) for multi-token prediction stand in the checkpoint and are not counted: "
        "engines load them only for speculative decoding.",
        origin="warning",
    )
    return replace(architecture, apart=(apart,) if predictors else ())


def periodic_windows(
    config: Config, depth: int, window: int | None, *, default: int, name: str = "sliding_window_pattern"
) -> list[int | None]:
    """The window of each layer: by layer_types, else by a pattern that starts anew again and again.

    The pattern is a number n (each n-th layer is full) or letters (L for a windowed layer, G for a full one).
    """
    if window is None or config.has("layer_types"):
        return layer_windows(config, depth, window, slides=lambda _: False)
    if isinstance(config.values.get(name), str):
        letters = config.text(name)
        if not letters or set(letters) - {"L", "G"}:
            raise ConfigError(
                f"The config's {name} must be a number or made of the letters L and G, and is {letters!r}."
            )
        return layer_windows(config, depth, window, slides=lambda index: letters[index % len(letters)] == "L")
    period = config.integer(name, default=default)
    return layer_windows(config, depth, window, slides=lambda index: (index + 1) % period != 0)


def per_layer(config: Config, name: str, depth: int, *, least: int = 0) -> tuple[int, ...]:
    """A whole number for each layer: a list of them, or one for all."""
    if not isinstance(config.values.get(name), list):
        return (config.integer(name, least=least),) * depth
    found = config.integers(name, least=least)
    config.check_length(name, found, depth)
    return found


def own_indexers(config: Config, depth: int) -> list[bool]:
    """Which layers of a GLM-5 have an indexer of their own; the others use the picks of the last one before them."""
    if config.has("indexer_types"):
        return [kind == "full" for kind in config.names("indexer_types", ("full", "shared"), depth)]
    if config.has("index_topk_pattern"):
        letters = config.text("index_topk_pattern")
        if len(letters) != depth or set(letters) - {"F", "S"}:
            raise ConfigError(
                f"The config's index_topk_pattern must be one letter, F or S, for each of its {depth} layers, and is "
                f"{letters!r}."
            )
        return [letter == "F" for letter in letters]
    every = config.integer("index_topk_freq", default=1)
    begin = config.integer("index_skip_topk_offset", default=2, least=0)
    return [max(index - begin + 1, 0) % every == 0 for index in range(depth)]


def sections(config: Config, name: str, depth: int) -> list[Config]:
    """An object for each layer."""
    entries = config.values.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(f"The config's {name} must be a list of objects, one for each layer.")
    config.check_length(name, entries, depth)
    return [
        Config(entry, where=f"{config.where}{name}[{index}].", notes=config.notes)
        for index, entry in enumerate(entries)
    ]
