"""LongCat-Flash: two latent attentions and feed-forwards a layer, and experts beside them, some of which do nothing."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Linear, Output
from ._blocks import (
    Operators,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    latent_attention,
    mixture,
    pre_norm,
    router_correction,
    without_predictors,
)


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=1536, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
    )
    hidden, width = config.integer("hidden_size"), config.integer("ffn_hidden_size", "intermediate_size")
    half = [
        pre_norm(
            hidden,
            latent_attention(config, path=f"self_attn.{number}"),
            gated_feed_forward(hidden, width, path=f"mlps.{number}"),
            names=(f"input_layernorm.{number}", f"post_attention_layernorm.{number}"),
        )
        for number in (0, 1)
    ]
    block = (*half[0], *_experts(config, hidden), *half[1])
    depth = depth_of(config, "num_layers") if config.has("num_layers") else depth_of(config) // 2
    stack = grouped([None] * depth, lambda _: block, "model.layers.{index}")
    return without_predictors(decoder(config, stack), config)


def _experts(config: Config, hidden: int) -> Operators:
    count, nothing = config.integer("n_routed_experts"), config.integer("zero_expert_num", default=256, least=0)
    picked = config.integer("moe_topk", "num_experts_per_tok", default=12)
    active = max(1, round(picked * count / (count + nothing)))
    if nothing:
        config.note(
            "zero_expert_num",
            f"A token picks {picked} of {count + nothing} experts, and {nothing} of these do nothing: {active} work on "
            "average.",
        )
    router, *routed = mixture(
        hidden,
        count=count,
        active=active,
        width=config.integer("expert_ffn_hidden_size", "moe_intermediate_size"),
    )
    bias, name = config.boolean("router_bias", default=False), "mlp.router.classifier"
    router = Linear(
        name=name,
        outputs=(Output(name=name, units=count + nothing, part="router"),),
        input_units=hidden,
        bias=bias,
        role="router",
    )
    return (router, *routed, router_correction(count + nothing, "mlp.router.e_score_correction_bias"))
