"""DeepSeek-V4: one shared key-value head over a window and compressed tokens, grouped output, hyper-connections."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Buffer, CompressedAttention, Indexer, Linear, Norm, Output
from ._blocks import (
    Operators,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    hyper_connection,
    mixture,
    plain,
    router_correction,
    without_predictors,
)

_WINDOW, _SPARSE, _HEAVY = "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"
_NAMES = ("w1", "w3", "w2")
_OF_RATIO = {0: _WINDOW, 4: _SPARSE, 128: _HEAVY}


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    if config.integer("n_shared_experts", default=1) != 1:
        raise ConfigError("The config's n_shared_experts must be 1: DeepSeek-V4 has one shared expert a layer.")
    streams, width = config.integer("hc_mult", default=4), config.integer("moe_intermediate_size", "intermediate_size")
    count = config.integer("n_routed_experts", "num_local_experts")
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok"),
        width=width,
        router="ffn.gate",
        module="ffn.experts",
        names=_NAMES,
        shared=gated_feed_forward(hidden, width, path="ffn.shared_experts", names=_NAMES, shared=True, reduces=False),
    )
    tables = Buffer(name="ffn.gate.tid2eid", size=config.integer("vocab_size") * config.integer("num_experts_per_tok"))

    def block(kind: tuple[str, str]) -> Operators:
        return (
            *_connection("hc_attn", hidden, streams),
            Norm(name="attn_norm", width=hidden),
            *_attention(config, kind[0]),
            *_connection("hc_ffn", hidden, streams),
            Norm(name="ffn_norm", width=hidden),
            *experts,
            tables if kind[1] == "hash_moe" else router_correction(count, "ffn.gate.bias"),
        )

    kinds = list(zip(_attention_kinds(config, depth), _expert_kinds(config, depth), strict=True))
    head = (*_connection("hc_head", hidden, streams, head=True), Norm(name="norm", width=hidden))
    built = decoder(
        config,
        grouped(kinds, block, "layers.{index}"),
        before_head=head,
        paths=("embed", "norm", "head", ""),
    )
    return without_predictors(built, config)


def _attention_kinds(config: Config, depth: int) -> tuple[str, ...]:
    if config.has("layer_types"):
        return config.names("layer_types", tuple(_OF_RATIO.values()), depth)
    if config.has("compress_ratios"):
        # those of the layers for multi-token prediction stand at the end
        ratios = config.integers("compress_ratios")[:depth]
        config.check_length("compress_ratios", ratios, depth)
        if set(ratios) - set(_OF_RATIO):
            raise ConfigError(f"The config's compress_ratios must be 0, 4 or 128, and has {sorted(set(ratios))}.")
        return tuple(_OF_RATIO[ratio] for ratio in ratios)
    return tuple(_SPARSE if index > 1 and index % 2 else _HEAVY for index in range(depth))


def _expert_kinds(config: Config, depth: int) -> tuple[str, ...]:
    if config.has("mlp_layer_types"):
        return config.names("mlp_layer_types", ("hash_moe", "moe"), depth)
    hashed = config.integer("num_hash_layers", default=3, least=0)
    return tuple("hash_moe" if index < hashed else "moe" for index in range(depth))


def _ratio(config: Config, kind: str) -> int:
    name, usual = ("compress_rate_csa", 4) if kind == _SPARSE else ("compress_rate_hca", 128)
    if config.has("compress_rates"):
        return config.section("compress_rates").integer(kind)
    return config.integer(name) if config.has(name) else usual


def _attention(config: Config, kind: str) -> Operators:
    hidden, heads, dim = (
        config.integer("hidden_size"),
        config.integer("num_attention_heads"),
        config.integer("head_dim"),
    )
    rank, groups = config.integer("q_lora_rank"), config.integer("o_groups", default=8)
    out_rank, path = config.integer("o_lora_rank", default=1024), "attn"
    core = CompressedAttention(
        name=path,
        heads=heads,
        head_dim=dim,
        rope_dim=config.integer("qk_rope_head_dim", default=min(64, dim), most=dim),
        window=config.integer("sliding_window", default=128),
    )
    compress: Operators = ()
    if kind != _WINDOW:
        ratio = _ratio(config, kind)
        core = replace(core, ratio=ratio)
        overlap = 2 if kind == _SPARSE else 1
        compress = _compressor(f"{path}.compressor", hidden, dim, ratio, overlap)
        if kind == _SPARSE:
            core = replace(core, picked=config.integer("index_topk", default=512))
            compress = (*compress, *_indexer(config, f"{path}.indexer", ratio))
    return (
        plain(f"{path}.wq_a", rank, hidden, part="q_a"),
        Norm(name=f"{path}.q_norm", width=rank),
        Linear(
            name=f"{path}.wq_b",
            outputs=(Output(name=f"{path}.wq_b", units=heads, width=dim, part="q_b"),),
            input_units=rank,
            split="columns",
        ),
        plain(f"{path}.wkv", dim, hidden, part="kv_a"),
        Norm(name=f"{path}.kv_norm", width=dim),
        *compress,
        core,
        # each group of heads is projected by a matrix of its own, then the groups together
        Linear(
            name=f"{path}.wo_a",
            outputs=(Output(name=f"{path}.wo_a", units=groups, width=out_rank, part="mixer"),),
            input_units=heads * dim // groups,
            split="columns",
        ),
        Linear(
            name=f"{path}.wo_b",
            outputs=(Output(name=f"{path}.wo_b", units=hidden, part="out"),),
            input_units=groups,
            input_width=out_rank,
            split="rows",
        ),
    )


def _compressor(path: str, hidden: int, dim: int, ratio: int, overlap: int) -> Operators:
    """Keys and gates of `overlap` series, a learned position in the window, a norm of what it becomes."""
    return (
        plain(f"{path}.wkv", overlap * dim, hidden, part="mixer"),
        plain(f"{path}.wgate", overlap * dim, hidden, part="mixer"),
        Buffer(name=f"{path}.ape", size=ratio * overlap * dim, counted=True),
        Norm(name=f"{path}.norm", width=dim),
    )


def _indexer(config: Config, path: str, ratio: int) -> Operators:
    heads, dim = config.integer("index_n_heads", default=64), config.integer("index_head_dim", default=128)
    return (
        *_compressor(f"{path}.compressor", config.integer("hidden_size"), dim, ratio, 2),
        plain(f"{path}.wq_b", heads * dim, config.integer("q_lora_rank"), part="mixer"),
        plain(f"{path}.weights_proj", heads, config.integer("hidden_size"), part="mixer"),
        Indexer(name=path, heads=heads, head_dim=dim, ratio=ratio),
    )


def _connection(path: str, hidden: int, streams: int, head: bool = False) -> Operators:
    """Manifold-constrained hyper-connections: weights that collapse, expand and mix the streams of the residual."""
    names = (f"{path}_fn", f"{path}_base", f"{path}_scale")
    if head:
        return hyper_connection(names, hidden, streams, weights=streams, scales=1, per="sequence")
    return hyper_connection(names, hidden, streams, weights=(2 + streams) * streams, scales=3, per="token")
