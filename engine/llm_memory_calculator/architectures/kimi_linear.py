"""Kimi-Linear: three layers of Kimi delta attention to each of latent attention, routed and shared experts."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import (
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    mixture,
    pre_norm,
    router_correction,
    without_predictors,
)
from ._linear_attention import kimi_delta_attention
from ._recurrent import ATTENTION, STATE, layer_kinds

EXPERTS = "block_sparse_moe"
LATENT = {"q_lora_rank": None, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
NEWER = ("routed_expert_hidden_size", "attn_res_block_size", "mla_use_output_gate", "use_full_rank_gate")


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    linear = config.section("linear_attn_config") if config.has("linear_attn_config") else config
    newer = [name for name in NEWER if config.values.get(name) or linear.values.get(name)]
    if newer:
        raise ConfigError(f"The config's {newer[0]} asks for a part of Kimi-K3, which is not described.")
    count, width = (
        config.integer("num_experts", "num_local_experts", default=256),
        config.integer("moe_intermediate_size"),
    )
    shared = config.integer("num_shared_experts", "n_shared_experts", default=1)
    experts = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_token", "num_experts_per_tok", default=8),
        width=width,
        router=f"{EXPERTS}.gate",
        module=f"{EXPERTS}.experts",
        names=("w1", "w3", "w2"),
        shared=gated_feed_forward(hidden, shared * width, path=f"{EXPERTS}.shared_experts", shared=True, reduces=False),
    )
    correction = router_correction(count, f"{EXPERTS}.gate.e_score_correction_bias")
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    mixers = {
        ATTENTION: latent_attention(config.filled(**LATENT)),
        STATE: kimi_delta_attention(
            hidden,
            linear.integer("num_heads", "linear_num_heads", default=32),
            linear.integer("linear_head_dim" if linear is config else "head_dim", default=128),
            linear.integer("short_conv_kernel_size", "linear_conv_kernel_dim", default=4),
        ),
    }
    stack = grouped(
        list(zip(kinds(config, linear, depth), leading_dense(config, default=1), strict=True)),
        lambda kind: pre_norm(hidden, mixers[kind[0]], (*experts, correction) if kind[1] else dense),
        "model.layers.{index}",
    )
    return without_predictors(
        decoder(
            config.stating(tie_word_embeddings=False), stack, length=("model_max_length", "max_position_embeddings")
        ),
        config,
    )


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
