"""Ling 2.5, 2.6 and 3.0: linear attention in most layers (lightning, from 3.0 on Kimi's), latent in the others."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import (
    Heads,
    beside_shared,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    pre_norm,
    without_predictors,
)
from ._linear_attention import kimi_delta_attention, periodic_attention
from ._recurrent import ATTENTION, STATE
from .bailing_moe_linear import of_lightning


def build(config: Config) -> Architecture:
    if is_lightning(config):
        config = config.filled(
            q_lora_rank=None, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
        )
        return of_lightning(config, latent_attention(config, path="attention", out="dense"))
    config = config.renamed(
        full_attention_interval="layer_group_size",
        num_experts_per_tok="num_experts_per_token",
        num_nextn_predict_layers="num_mtp_layers",
    ).filled(
        full_attention_interval=6,
        q_lora_rank=None,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=128,
        v_head_dim=128,
    )
    hidden, depth, path = config.integer("hidden_size"), depth_of(config), "attention"
    query, value_dim = config.integer("num_attention_heads"), config.integer("v_head_dim")
    heads = Heads(query=query, kv=query, dim=value_dim)
    latent = latent_attention(config, path=path, out="dense")
    mixers = {
        ATTENTION: gated_attention(latent, hidden, heads, f"{path}.g_proj", per_head=True),
        STATE: kimi_delta_attention(
            hidden,
            config.integer("linear_num_heads", default=query),
            config.integer("linear_head_dim", "head_dim", default=128),
            config.integer("linear_conv_kernel_dim", "short_conv_kernel_size", default=4),
            path=path,
            out_name="dense",
            low_rank=False,
        ),
    }
    experts = beside_shared(config, shared=1, correction="gate.expert_bias")
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    kinds = list(zip(periodic_attention(config, depth), leading_dense(config, default=2), strict=True))
    stack = grouped(
        kinds, lambda kind: pre_norm(hidden, mixers[kind[0]], experts if kind[1] else dense), "model.layers.{index}"
    )
    lengths = ("max_position_embeddings", "model_max_length")
    paths = ("model.word_embeddings", "model.norm", "lm_head", "")
    # the head has a matrix of its own whatever the config says
    config = config.stating(tie_word_embeddings=False)
    return without_predictors(decoder(config, stack, paths=paths, length=lengths), config, default=1)


def is_lightning(config: Config) -> bool:
    """Whether this is Ling 2.5 or 2.6: 3.0 has the same model_type, and no key-value heads for linear attention."""
    classes = config.values.get("architectures")
    if isinstance(classes, list) and classes:
        return any("V2_5" in str(name) for name in classes)
    return config.has("num_kv_heads_for_linear_attn") and config.integer("num_kv_heads_for_linear_attn", least=0) > 0
