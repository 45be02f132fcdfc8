"""LFM2: short gated convolutions, attention in some layers, a feed-forward in each."""

from collections.abc import Callable

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, CausalConvolution, Output
from ..units import ceil_div
from ._blocks import (
    Operators,
    attention,
    columns,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    pre_norm,
    query_key_norms,
    read_heads,
    rows,
    within,
)
from ._recurrent import ATTENTION

CONVOLUTION = "conv"
NAMES = ("w1", "w3", "w2")


def build(config: Config) -> Architecture:
    hidden, width = config.integer("hidden_size"), adjusted_width(config)
    feed = gated_feed_forward(hidden, width, path="feed_forward", names=NAMES)
    return of_convolutions(config, lambda _: feed)


def of_convolutions(config: Config, feed: Callable[[int], Operators]) -> Architecture:
    """The decoder of LFM2 and its mixtures: `feed` gives the feed-forward of each layer."""
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    if config.has("layer_types"):
        kinds = config.names("layer_types", (CONVOLUTION, ATTENTION), depth)
    else:
        attending = config.integers("full_attn_idxs", default=range(depth))
        kinds = tuple(ATTENTION if index in attending else CONVOLUTION for index in range(depth))
    heads = read_heads(config, kv_default=8)
    attend = attention(
        hidden,
        heads,
        names=("q_proj", "k_proj", "v_proj", "out_proj"),
        norms=query_key_norms(heads, names=("q_layernorm", "k_layernorm")),
    )
    convolve = short_convolution(config)
    feeds = [feed(index) for index in range(depth)]
    stack = grouped(
        list(zip(kinds, feeds, strict=True)),
        lambda kind: pre_norm(
            hidden, attend if kind[0] == ATTENTION else convolve, kind[1], names=("operator_norm", "ffn_norm")
        ),
        "model.layers.{index}",
    )
    tied = config.boolean("tie_embedding", "tie_word_embeddings", default=True)
    return decoder(
        config.stating(tie_word_embeddings=tied),
        stack,
        paths=("model.embed_tokens", "model.embedding_norm", "lm_head", ""),
    )


def adjusted_width(config: Config) -> int:
    """The width of the feed-forward: two thirds of what the config says, rounded up, unless it is taken as it is."""
    width = config.integer("block_ff_dim", "intermediate_size", default=12288)
    if not config.boolean("block_auto_adjust_ff_dim", default=True):
        return width
    width = 2 * width // 3
    if "block_ffn_dim_multiplier" in config.values and not config.has("block_ffn_dim_multiplier"):
        return width
    width = int(config.real("block_ffn_dim_multiplier", default=1.0) * width)
    multiple = config.integer("block_multiple_of", default=256)
    return ceil_div(width, multiple) * multiple


def short_convolution(config: Config) -> Operators:
    """LFM2's mixer: a convolution over a few tokens between two gates."""
    hidden, bias = config.integer("hidden_size"), config.boolean("conv_bias", default=False)
    into, conv, gate, out = within("conv", "in_proj", "conv", "gate", "out_proj")
    return (
        columns(into, [Output(name=into, units=hidden)] * 3, hidden, bias),
        CausalConvolution(
            name=conv,
            channels=(Output(name=conv, units=hidden),),
            kernel=config.integer("conv_L_cache", default=3),
            bias=bias,
        ),
        Activation(name=gate, width=hidden),
        rows(out, hidden, hidden, bias=bias),
    )
