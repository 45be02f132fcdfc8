"""MPT: ALiBi instead of positions, LayerNorm without biases, a feed-forward of four times the width, a tied head."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Heads, attention, check_heads, depth_of, feed_forward, plain_decoder, pre_norm, share


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size")
    query = config.integer("n_heads", "num_attention_heads")
    return plain_decoder(
        config,
        Heads(query=query, kv=_kv_heads(config, query), dim=share(hidden, query)),
        bias=False,
        attend=partial(attention, path="attn", names=("Wqkv", "Wqkv", "Wqkv", "out_proj")),
        feed=partial(feed_forward, bias=False, path="ffn", names=("up_proj", "down_proj")),
        layer=partial(pre_norm, names=("norm_1", "norm_2")),
        hidden=hidden,
        width=config.integer("expansion_ratio", default=4) * hidden,
        depth=depth_of(config, "n_layers", "num_hidden_layers"),
        path="transformer.blocks.{index}",
        tied_default=True,
        paths=("transformer.wte", "transformer.norm_f", "lm_head", ""),
        length=("max_seq_len",),
    )


def _kv_heads(config: Config, query: int) -> int:
    """One where attn_config says multiquery_attention, kv_n_heads where it says so (Replit), else the query heads."""
    section = config.section("attn_config") if config.has("attn_config") else Config({})
    kv = section.integer("kv_n_heads") if section.has("kv_n_heads") else query
    if section.has("attn_type") and section.text("attn_type") == "multiquery_attention":
        kv = 1
    check_heads(query, kv)
    return kv
