"""Gemma 4, text: wider heads in full layers, shared keys and values, per-layer embeddings, experts beside an MLP."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Buffer, Norm
from ._blocks import (
    FULL,
    SLIDING,
    Heads,
    Operators,
    attention,
    check_heads,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    kv_sharing,
    mixture,
)
from ._gemma import layer_input, layer_tables


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    kinds = _kinds(config, depth)
    shared = kv_sharing(config, kinds)
    window = config.integer("sliding_window", default=512)
    if config.has("use_bidirectional_attention") and config.text("use_bidirectional_attention") == "all":
        window = window // 2 + 1
    bias, wide = config.boolean("attention_bias", default=False), config.boolean("use_double_wide_mlp", default=False)
    reused = config.boolean("attention_k_eq_v", default=False)
    inputs = config.integer("hidden_size_per_layer_input", default=256, least=0)
    experts = _experts(config, hidden) if config.boolean("enable_moe_block", default=False) else ()

    def block(kind: tuple[str, bool, Heads]) -> Operators:
        name, borrows, heads = kind
        return (
            Norm(name="input_layernorm", width=hidden),
            *attention(
                hidden,
                heads,
                window=window if name == SLIDING else None,
                qkv_bias=bias,
                out_bias=bias,
                head_norms=True,
                shared=borrows,
                values_from_keys=reused and name == FULL,
            ),
            Norm(name="post_attention_layernorm", width=hidden),
            Norm(name="pre_feedforward_layernorm", width=hidden),
            *gated_feed_forward(hidden, config.integer("intermediate_size") * (2 if wide and borrows else 1)),
            *experts,
            Norm(name="post_feedforward_layernorm", width=hidden),
            *(layer_input(hidden, inputs) if inputs else ()),
            Buffer(name="layer_scalar", size=1),
        )

    heads_of = _heads(config, kinds)
    stack = grouped(list(zip(kinds, shared, heads_of, strict=True)), block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True, after_table=layer_tables(config, hidden, depth, inputs))


def _kinds(config: Config, depth: int) -> tuple[str, ...]:
    if not config.has("layer_types"):
        return tuple(SLIDING if (index + 1) % 6 and index + 1 < depth else FULL for index in range(depth))
    # the last layer is full whatever the config says
    return (*config.names("layer_types", (SLIDING, FULL), depth)[:-1], FULL)


def _heads(config: Config, kinds: tuple[str, ...]) -> list[Heads]:
    """The heads of each layer: per_layer_config where the config has it, else wider ones in full layers."""
    query, kv = config.integer("num_attention_heads"), config.integer("num_key_value_heads")
    narrow = Heads(query=query, kv=kv, dim=config.integer("head_dim", default=256))
    if config.has("per_layer_config"):
        layers = config.section("per_layer_config")
        own = {int(index): layers.section(index) for index in layers.values}
        found = [
            Heads(
                query=query,
                kv=own[index].optional_integer("num_key_value_heads") or kv,
                dim=own[index].optional_integer("head_dim") or narrow.dim,
            )
            if index in own
            else narrow
            for index in range(len(kinds))
        ]
    else:
        few = config.boolean("attention_k_eq_v", default=False)
        of_full = (config.optional_integer("num_global_key_value_heads") if few else None) or kv
        full = Heads(query=query, kv=of_full, dim=config.integer("global_head_dim", default=512))
        found = [full if kind == FULL else narrow for kind in kinds]
    for heads in set(found):
        check_heads(heads.query, heads.kv)
    return found


def _experts(config: Config, hidden: int) -> Operators:
    count = config.integer("num_experts")
    router, *routed = mixture(
        hidden,
        count=count,
        active=config.integer("top_k_experts"),
        width=config.integer("moe_intermediate_size", "expert_intermediate_size"),
        router="router.proj",
        module="experts",
    )
    return (
        Norm(name="post_feedforward_layernorm_1", width=hidden),
        router,
        Buffer(name="router.scale", size=hidden, counted=True),
        Buffer(name="router.per_expert_scale", size=count, counted=True),
        Norm(name="pre_feedforward_layernorm_2", width=hidden),
        *routed,
        Norm(name="post_feedforward_layernorm_2", width=hidden),
    )
