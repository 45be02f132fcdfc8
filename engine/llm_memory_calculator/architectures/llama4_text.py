"""Llama 4, text: chunked attention with full layers between, experts with a shared one, in some or all layers."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import (
    FULL,
    Operators,
    attention,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    mixture,
    pre_norm,
    read_heads,
)

_CHUNKED = "chunked_attention"


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads = read_heads(config, query_default=40, kv_default=8, dim_default=128)
    bias, width = config.boolean("attention_bias", default=False), config.integer("intermediate_size", default=8192)
    experts = mixture(
        hidden,
        count=config.integer("num_local_experts", default=16),
        active=config.integer("num_experts_per_tok", default=1),
        width=width,
        router="feed_forward.router",
        module="feed_forward.experts",
        shared=gated_feed_forward(hidden, width, path="feed_forward.shared_expert", shared=True, reduces=False),
    )
    sparse = _sparse(config, depth)
    dense: Operators = ()
    if not all(sparse):
        dense = gated_feed_forward(hidden, config.integer("intermediate_size_mlp", default=16_384), path="feed_forward")
    norms: Operators = ()
    if config.boolean("use_qk_norm", default=True):
        norms = tuple(
            Norm(name=f"self_attn.{name}", width=heads.dim, heads=count, scaled=False, split="columns")
            for name, count in (("q_norm", heads.query), ("k_norm", heads.kv))
        )

    def block(kind: tuple[int | None, bool]) -> Operators:
        chunk, has_experts = kind
        attend = attention(hidden, heads, chunk=chunk, qkv_bias=bias, out_bias=bias, norms=norms)
        return pre_norm(hidden, attend, experts if has_experts else dense)

    kinds = list(zip(_chunks(config, depth), sparse, strict=True))
    return decoder(config, grouped(kinds, block, "model.layers.{index}"))


def _sparse(config: Config, depth: int) -> list[bool]:
    """Which layers have experts: those of moe_layers, else every interleave_moe_layer_step-th."""
    if config.has("moe_layers"):
        chosen = set(config.integers("moe_layers"))
    else:
        step = config.integer("interleave_moe_layer_step", default=1)
        chosen = set(range(step - 1, depth, step))
    return [index in chosen for index in range(depth)]


def _chunks(config: Config, depth: int) -> list[int | None]:
    """Tokens of a chunk in each layer, None in full ones."""
    if "attention_chunk_size" in config.values and config.values["attention_chunk_size"] is None:
        return [None] * depth
    chunk = config.integer("attention_chunk_size", default=8192)
    if config.has("layer_types"):
        return [chunk if kind == _CHUNKED else None for kind in config.names("layer_types", (_CHUNKED, FULL), depth)]
    rotates = config.integers("no_rope_layers", default=())
    if not rotates:
        interval = config.integer("no_rope_layer_interval", default=4)
        rotates = tuple(int((index + 1) % interval != 0) for index in range(depth))
    config.check_length("no_rope_layers", rotates, depth)
    return [chunk if rotate else None for rotate in rotates]
