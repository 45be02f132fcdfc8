"""DBRX: 16 experts of which a token runs 4, LayerNorm without biases, sizes in nested objects."""

from ..architecture import Architecture
from ..config import Config
from ._attention import Heads, attention, check_heads, share
from ._decoder import decoder
from ._feed_forward import mixture
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, query = config.integer("d_model", "hidden_size"), config.integer("n_heads", "num_attention_heads")
    kv = config.section("attn_config").integer("kv_n_heads", default=1)
    check_heads(query, kv)
    feed_forward = config.section("ffn_config")
    experts = mixture(
        hidden,
        count=feed_forward.integer("moe_num_experts"),
        active=feed_forward.integer("moe_top_k"),
        width=feed_forward.integer("ffn_hidden_size"),
        router="ffn.router.layer",
        module="ffn.experts",
    )
    block = pre_norm(
        hidden,
        attention(
            hidden,
            Heads(query=query, kv=kv, dim=share(hidden, query)),
            path="norm_attn_norm.attn",
            names=("Wqkv", "Wqkv", "Wqkv", "out_proj"),
        ),
        experts,
        names=("norm_attn_norm.norm_1", "norm_attn_norm.norm_2"),
    )
    depth = depth_of(config, "n_layers", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.blocks.{index}"),
        hidden=hidden,
        paths=("transformer.wte", "transformer.norm_f", "lm_head", ""),
        length=("max_seq_len", "max_position_embeddings"),
    )
