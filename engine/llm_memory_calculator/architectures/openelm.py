"""OpenELM 270M to 3B: each layer has heads and a width of its own, norms over each head of q and k, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._blocks import (
    Heads,
    Operators,
    attention,
    check_heads,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    per_layer,
    pre_norm,
    query_key_norms,
)


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("model_dim"), depth_of(config, "num_transformer_layers")
    dim, divisor = config.integer("head_dim", default=128), config.integer("ffn_dim_divisor", default=256)
    norms, gated = config.boolean("normalize_qk_projections"), config.boolean("ffn_with_glu", default=True)
    queries, keys = (per_layer(config, name, depth, least=1) for name in ("num_query_heads", "num_kv_heads"))
    times = _multipliers(config, depth)
    if not gated:
        raise ConfigError("The config's ffn_with_glu is false; only OpenELM's gated feed-forwards are described.")

    def block(kind: tuple[int, int, int]) -> Operators:
        query, kv, width = kind
        check_heads(query, kv)
        heads, fused = Heads(query=query, kv=kv, dim=dim), "qkv_proj"
        attend = attention(
            hidden,
            heads,
            path="attn",
            names=(fused, fused, fused, "out_proj"),
            norms=query_key_norms(heads, path="attn") if norms else (),
        )
        feed = gated_feed_forward(hidden, width, path="ffn", names=("proj_1", "proj_1", "proj_2"), apart=True)
        return pre_norm(hidden, attend, feed, names=("attn_norm", "ffn_norm"))

    widths = [_divisible(one * hidden, divisor) for one in times]
    return decoder(
        config.renamed(tie_word_embeddings="share_input_output_layers"),
        grouped(list(zip(queries, keys, widths, strict=True)), block, "transformer.layers.{index}"),
        hidden=hidden,
        tied_default=True,
        paths=("transformer.token_embeddings", "transformer.norm", "lm_head", ""),
        length=("max_context_length",),
    )


def _multipliers(config: Config, depth: int) -> list[float]:
    """Widths of the feed-forwards by the hidden size: one for each layer, or one for all."""
    found = config.values.get("ffn_multipliers")
    listed = list(found) if isinstance(found, (list, tuple)) else [found] * depth
    config.check_length("ffn_multipliers", listed, depth)
    times = [float(one) for one in listed if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if len(times) != depth or not all(0 < one < 100 for one in times):
        raise ConfigError(f"The config's ffn_multipliers must be numbers above 0 and below 100, and is {shown(found)}.")
    return times


def _divisible(value: float, divisor: int) -> int:
    """The multiple of divisor next to a value, and at least nine tenths of it."""
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * value else found
