"""Kimi-Linear, and the text of Kimi-K3: three layers of Kimi delta attention to each of latent attention, experts."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Norm
from ._blocks import (
    Heads,
    Operators,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    mixture,
    plain,
    pre_norm,
    router_correction,
    without_predictors,
)
from ._linear_attention import kimi_delta_attention
from ._recurrent import ATTENTION, STATE, layer_kinds

EXPERTS = "block_sparse_moe"
LATENT = {"q_lora_rank": None, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    linear = config.section("linear_attn_config") if config.has("linear_attn_config") else config
    count, width = (
        config.integer("num_experts", "num_local_experts", default=256),
        config.integer("moe_intermediate_size"),
    )
    shared = config.integer("num_shared_experts", "n_shared_experts", default=1)
    latent = config.optional_integer("routed_expert_hidden_size")
    router, *routed = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_token", "num_experts_per_tok", default=8),
        width=width,
        router=f"{EXPERTS}.gate",
        module=f"{EXPERTS}.experts",
        names=("w1", "w3", "w2"),
        latent=latent,
        shared=gated_feed_forward(
            hidden, shared * width, path=f"{EXPERTS}.shared_experts", shared=True, reduces=latent is not None
        ),
    )
    before, after = _latent(config, hidden, latent)
    correction = router_correction(count, f"{EXPERTS}.gate.e_score_correction_bias")
    experts: Operators = (router, *before, *routed, *after, correction)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    mixers = {
        ATTENTION: _attention(config.filled(**LATENT), hidden),
        STATE: kimi_delta_attention(
            hidden,
            linear.integer("num_heads", "linear_num_heads", default=32),
            linear.integer("linear_head_dim" if linear is config else "head_dim", default=128),
            linear.integer("short_conv_kernel_size", "linear_conv_kernel_dim", default=4),
            full_gate=_says(linear, "use_full_rank_gate"),
        ),
    }
    # each block attends what the blocks of layers before it gave (arXiv 2603.15031)
    blocks = config.optional_integer("attn_res_block_size")

    def residuals(*names: str) -> Operators:
        return () if blocks is None else tuple(part for name in names for part in _residual(name, hidden))

    stack = grouped(
        list(zip(kinds(config, linear, depth), leading_dense(config, default=1), strict=True)),
        lambda kind: (
            *pre_norm(hidden, mixers[kind[0]], experts if kind[1] else dense),
            *residuals("self_attention_res", "mlp_res"),
        ),
        "model.layers.{index}",
    )
    return without_predictors(
        decoder(
            config.stating(tie_word_embeddings=False),
            stack,
            length=("model_max_length", "max_position_embeddings"),
            before_head=(Norm(name="model.norm", width=hidden), *residuals("model.output_attn_res")),
        ),
        config,
    )


def _says(config: Config, name: str) -> bool:
    """Whether the config has a part of Kimi-K3, of which those of Kimi-Linear say nothing."""
    return config.has(name) and config.boolean(name)


def _attention(config: Config, hidden: int) -> Operators:
    """Latent attention, in Kimi-K3 with a gate on its output."""
    attend = latent_attention(config)
    if not _says(config, "mla_use_output_gate"):
        return attend
    count = config.integer("num_attention_heads")
    heads = Heads(query=count, kv=count, dim=config.integer("v_head_dim"))
    return gated_attention(attend, hidden, heads, "self_attn.g_proj")


def _latent(config: Config, hidden: int, width: int | None) -> tuple[Operators, Operators]:
    """What stands before and after routed experts that work on fewer values than the hidden states have."""
    if width is None:
        return (), ()
    norm: Operators = ()
    if _says(config, "latent_moe_use_norm"):
        norm = (Norm(name=f"{EXPERTS}.routed_expert_norm", width=width),)
    return (
        (plain(f"{EXPERTS}.routed_expert_down_proj", width, hidden),),
        (*norm, plain(f"{EXPERTS}.routed_expert_up_proj", hidden, width)),
    )


def _residual(name: str, hidden: int) -> Operators:
    """Weights of what earlier blocks of layers gave, one of each: a norm of it and a product."""
    return Norm(name=f"{name}_norm", width=hidden), plain(f"{name}_proj", 1, hidden, part="router")


def kinds(config: Config, linear: Config, depth: int) -> list[str]:
    """The kind of each layer: by name, or by lists of layers that count from 1."""
    if config.has("layer_types"):
        return layer_kinds(config, depth)
    if not linear.has("full_attn_layers") or not linear.has("kda_layers"):
        return [ATTENTION if index and index % 4 == 0 else STATE for index in range(depth)]
    attending, keeping = linear.integers("full_attn_layers"), linear.integers("kda_layers")
    if sorted((*attending, *keeping)) != list(range(1, depth + 1)):
        raise ConfigError(
            f"The config's full_attn_layers and kda_layers must name each of its {depth} layers once, counted from 1."
        )
    return [ATTENTION if index + 1 in attending else STATE for index in range(depth)]
