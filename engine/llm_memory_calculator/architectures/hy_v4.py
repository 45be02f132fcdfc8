"""Hunyuan 4: GLM-5's sparse latent attention, gated and with sinks, between hyper-connections of several streams."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned, Norm
from ._blocks import (
    Heads,
    Operators,
    beside_shared,
    decoder,
    depth_of,
    gated_attention,
    gated_feed_forward,
    grouped,
    hyper_connection,
    latent_attention,
    leading_dense,
    without_predictors,
)
from ._deepseek import indexer, own_indexers


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=1536,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=192,
        v_head_dim=256,
        index_topk=2048,
        index_head_dim=128,
        index_n_heads=16,
        index_topk_freq=4,
        num_experts_per_tok=8,
    )
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    streams, value = config.integer("hc_mult", default=4), config.integer("v_head_dim")
    experts = beside_shared(config, shared=1)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    query = config.integer("num_attention_heads")
    heads = Heads(query=query, kv=query, dim=value)
    attend = (
        Learned(name="self_attn.sinks", size=query),
        *gated_attention(latent_attention(config, sparse=True), hidden, heads, "self_attn.gate_proj"),
    )

    def block(kind: tuple[bool, bool]) -> Operators:
        sparse, indexed = kind
        return (
            *_connection("attn_hc", hidden, streams),
            Norm(name="input_layernorm", width=hidden),
            *(indexer(config) if indexed else ()),
            *attend,
            *_connection("ffn_hc", hidden, streams),
            Norm(name="post_attention_layernorm", width=hidden),
            *(experts if sparse else dense),
        )

    kinds = list(zip(leading_dense(config, default=1), own_indexers(config, depth), strict=True))
    head = (*_connection("model.hc_head", hidden, streams, head=True), Norm(name="model.norm", width=hidden))
    return without_predictors(decoder(config, grouped(kinds, block, "model.layers.{index}"), before_head=head), config)


def _connection(path: str, hidden: int, streams: int, head: bool = False) -> Operators:
    """Hyper-connections without mixing: weights that collapse the streams of the residual and expand to them."""
    if head:
        names = (f"{path}.hc_fn", f"{path}.hc_base", f"{path}.hc_scale")
        return hyper_connection(names, hidden, streams, weights=streams, scales=1, per="sequence")
    names = (f"{path}.fn", f"{path}.base", f"{path}.scale")
    return hyper_connection(names, hidden, streams, weights=2 * streams, scales=2, per="token")
