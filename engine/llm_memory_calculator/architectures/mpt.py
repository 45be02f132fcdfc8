"""MPT: ALiBi instead of positions, LayerNorm without biases, a feed-forward of four times the width, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import Heads, attention, check_heads, share
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size")
    query = config.integer("n_heads", "num_attention_heads")
    heads = Heads(query=query, kv=_kv_heads(config, query), dim=share(hidden, query))
    block = pre_norm(
        hidden,
        attention(hidden, heads, path="attn", names=("Wqkv", "Wqkv", "Wqkv", "out_proj")),
        feed_forward(
            hidden,
            config.integer("expansion_ratio", default=4) * hidden,
            bias=False,
            path="ffn",
            names=("up_proj", "down_proj"),
        ),
        names=("norm_1", "norm_2"),
    )
    depth = depth_of(config, "n_layers", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.blocks.{index}"),
        hidden=hidden,
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
