"""MiniMax-M3, text: grouped attention to the blocks that an indexer picks, routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Attention, Indexer, Norm
from ._blocks import (
    Operators,
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    mixture,
    per_layer,
    plain,
    pre_norm,
    query_key_norms,
    read_heads,
    router_correction,
)

_SPARSE = "minimax_m3_sparse"


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config), depth_of(config)
    count, path = config.integer("num_local_experts", "num_experts"), "block_sparse_moe"
    shared = config.integer("shared_intermediate_size")
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=config.integer("intermediate_size"),
        router=f"{path}.gate",
        module=f"{path}.experts",
        names=("w1", "w3", "w2"),
        shared=gated_feed_forward(hidden, shared, path=f"{path}.shared_experts", shared=True, reduces=False),
    )
    correction = router_correction(count, f"{path}.e_score_correction_bias")
    dense = gated_feed_forward(hidden, config.integer("dense_intermediate_size"))
    pick, picked = _indexer(config, hidden)

    def block(kind: tuple[bool, bool]) -> Operators:
        indexed, has_experts = kind
        core = Attention(
            name="self_attn",
            heads=heads.query,
            kv_heads=heads.kv,
            head_dim=heads.dim,
            picked=picked if indexed else None,
        )
        attend = attention(hidden, heads, norms=query_key_norms(heads), core=core)
        return pre_norm(
            hidden, (*pick, *attend) if indexed else attend, (*experts, correction) if has_experts else dense
        )

    kinds = list(zip(_indexed(config, depth), _with_experts(config, depth), strict=True))
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))


def _indexer(config: Config, hidden: int) -> tuple[Operators, int]:
    """Small heads that share one key and score blocks of tokens; the most tokens that a query attends."""
    legacy = config.section("sparse_attention_config", default={})

    def size(name: str, old: str, default: int) -> int:
        return legacy.integer(old) if legacy.has(old) else config.integer(name, default=default)

    heads = size("index_n_heads", "sparse_num_index_heads", 4)
    dim = size("index_head_dim", "sparse_index_dim", 128)
    blocks = size("index_topk_blocks", "sparse_topk_blocks", 16)
    path = "self_attn.index"
    return (
        plain(f"{path}_q_proj", heads * dim, hidden, part="mixer"),
        plain(f"{path}_k_proj", dim, hidden, part="mixer"),
        Norm(name=f"{path}_q_norm", width=dim, heads=heads),
        Norm(name=f"{path}_k_norm", width=dim),
        Indexer(name=path, heads=heads, head_dim=dim, of_blocks=True),
    ), blocks * size("index_block_size", "sparse_block_size", 128)


def _indexed(config: Config, depth: int) -> list[bool]:
    """Which layers attend what an indexer picks: by layer_types, else by the older section, else none."""
    if config.has("layer_types"):
        return [kind == _SPARSE for kind in config.names("layer_types", (_SPARSE, "full_attention"), depth)]
    if config.has("sparse_attention_config"):
        legacy = config.section("sparse_attention_config")
        if legacy.has("sparse_attention_freq"):
            return [flag != 0 for flag in per_layer(legacy, "sparse_attention_freq", depth)]
    return [False] * depth


def _with_experts(config: Config, depth: int) -> list[bool]:
    """Which layers have experts: by mlp_layer_types, else by moe_layer_freq, else all."""
    if config.has("mlp_layer_types"):
        return [kind == "sparse" for kind in config.names("mlp_layer_types", ("dense", "sparse"), depth)]
    if config.has("moe_layer_freq"):
        return [flag != 0 for flag in per_layer(config, "moe_layer_freq", depth)]
    return [True] * depth
