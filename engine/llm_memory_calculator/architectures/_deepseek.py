"""The layers of DeepSeek-V2 to V3.2, which many families have: latent attention, leading dense layers, experts."""

from __future__ import annotations

from collections.abc import Sequence

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Indexer, Norm, Operator
from ._blocks import (
    Operators,
    attention,
    beside_shared,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    plain,
    pre_norm,
    read_heads,
    router_correction,
    without_predictors,
)


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
    no_experts: Operators = ()
    if "n_routed_experts" in config.values and not config.has("n_routed_experts"):
        sparse, experts = [False] * depth, no_experts
    else:
        sparse, experts = _sparse(config), beside_shared(config, bias=bias, correction=None)
    dense = () if all(sparse) else gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias)
    attend = _whole_heads(config) or latent_attention(config, sparse=indexed is not None)
    pick: Operators = () if indexed is None else indexer(config)
    return grouped(
        list(zip(sparse, [False] * depth if indexed is None else indexed, strict=True)),
        lambda kind: pre_norm(
            hidden, (*pick, *attend) if kind[1] else attend, (*experts, *router_extras) if kind[0] else dense
        ),
        "model.layers.{index}",
    )


def _sparse(config: Config) -> list[bool]:
    sparse = leading_dense(config)
    if config.has("mlp_layer_types"):
        return sparse
    every = config.integer("moe_layer_freq", default=1)
    return [leads and index % every == 0 for index, leads in enumerate(sparse)]


def _whole_heads(config: Config) -> Operators:
    """Attention with keys and values of their own, as the smallest DeepSeeks have it; nothing where it is latent."""
    nulled = "kv_lora_rank" in config.values and not config.has("kv_lora_rank")
    if not nulled and not (config.has("use_mla") and not config.boolean("use_mla")):
        return ()
    return attention(
        config.integer("hidden_size"), read_heads(config), bias=config.boolean("attention_bias", default=False)
    )


def corrected_deepseek(
    config: Config, *router_extras: Operator, indexed: Sequence[bool] | None = None, copies: bool | None = True
) -> Architecture:
    """DeepSeek-V3 and what follows its pattern: a router correction, and layers for multi-token prediction besides.

    copies: whether these have a table and a head of their own, as `without_predictors` takes it.
    """
    correction = router_correction(config.integer("n_routed_experts", "num_local_experts"))
    stack = deepseek_stack(config, correction, *router_extras, indexed=indexed)
    return without_predictors(decoder(config, stack), config, copies=copies)


def indexer(config: Config, *, path: str = "self_attn.indexer") -> Operators:
    """The lightning indexer of DeepSeek-V3.2: queries from the low-rank ones, one key a token, a weight a head."""
    hidden, rank = config.integer("hidden_size"), config.integer("q_lora_rank")
    heads, dim = config.integer("index_n_heads"), config.integer("index_head_dim")
    return (
        plain(f"{path}.wq_b", heads * dim, rank, part="mixer"),
        plain(f"{path}.wk", dim, hidden, part="mixer"),
        Norm(name=f"{path}.k_norm", width=dim, bias=True),
        plain(f"{path}.weights_proj", heads, hidden, part="mixer"),
        Indexer(name=path, heads=heads, head_dim=dim),
    )


def own_indexers(config: Config, depth: int) -> list[bool]:
    """Which layers of a GLM-5 have an indexer of their own; the others use the picks of the last one before them."""
    if config.has("indexer_types"):
        return [kind == "full" for kind in config.names("indexer_types", ("full", "shared"), depth)]
    if config.has("index_topk_pattern"):
        letters = config.text("index_topk_pattern")
        if len(letters) != depth or set(letters) - {"F", "S"}:
            raise ConfigError(
                f"The config's index_topk_pattern must be one letter, F or S, for each of its {depth} layers, and is "
                f"{shown(letters)}."
            )
        return [letter == "F" for letter in letters]
    every = config.integer("index_topk_freq", default=1)
    begin = config.integer("index_skip_topk_offset", default=2, least=0)
    return [max(index - begin + 1, 0) % every == 0 for index in range(depth)]
