"""DBRX: 16 experts of which a token runs 4, LayerNorm without biases, sizes in nested objects."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Heads, attention, check_heads, depth_of, mixture, plain_decoder, pre_norm, share


def build(config: Config) -> Architecture:
    hidden, query = config.integer("d_model", "hidden_size"), config.integer("n_heads", "num_attention_heads")
    kv, ffn = config.section("attn_config").integer("kv_n_heads", default=1), config.section("ffn_config")
    check_heads(query, kv)
    experts = mixture(
        hidden,
        count=ffn.integer("moe_num_experts"),
        active=ffn.integer("moe_top_k"),
        width=ffn.integer("ffn_hidden_size"),
        router="ffn.router.layer",
        module="ffn.experts",
    )
    return plain_decoder(
        config,
        Heads(query=query, kv=kv, dim=share(hidden, query)),
        bias=False,
        attend=partial(attention, path="norm_attn_norm.attn", names=("Wqkv", "Wqkv", "Wqkv", "out_proj")),
        layer=partial(pre_norm, names=("norm_attn_norm.norm_1", "norm_attn_norm.norm_2")),
        experts=experts,
        hidden=hidden,
        depth=depth_of(config, "n_layers", "num_hidden_layers"),
        path="transformer.blocks.{index}",
        paths=("transformer.wte", "transformer.norm_f", "lm_head", ""),
        length=("max_seq_len", "max_position_embeddings"),
    )
