"""Ling 3.0: Kimi delta attention in five of six layers, gated latent attention in the others."""

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


def build(config: Config) -> Architecture:
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
    kinds = list(zip(periodic_attention(config, depth), leading_dense(config, depth, default=2), strict=True))
    stack = grouped(
        kinds, lambda kind: pre_norm(hidden, mixers[kind[0]], experts if kind[1] else dense), "model.layers.{index}"
    )
    lengths = ("max_position_embeddings", "model_max_length")
    paths = ("model.word_embeddings", "model.norm", "lm_head", "")
    # the head has a matrix of its own whatever the config says
    config = Config({**config.values, "tie_word_embeddings": False}, where=config.where, notes=config.notes)
    return without_predictors(decoder(config, stack, paths=paths, length=lengths), config, default=1)
