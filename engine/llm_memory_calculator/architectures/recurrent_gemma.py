"""RecurrentGemma (Griffin): two layers of a gated linear recurrence to each of attention in a window."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, BlockDiagonal, CausalConvolution, Output, Recurrence, Vector
from ._blocks import (
    Operators,
    attention,
    columns,
    decoder,
    depth_of,
    gated_feed_forward,
    grouped,
    pre_norm,
    read_heads,
    rows,
    share,
    within,
)

RECURRENT, ATTENTION = "recurrent", "attention"


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    bias, query = config.boolean("attention_bias", default=False), config.integer("num_attention_heads", default=10)
    attend = attention(
        hidden,
        read_heads(config.stating(num_attention_heads=query), dim_default=share(hidden, query)),
        window=config.integer("attention_window_size", "sliding_window", default=2048),
        qkv_bias=bias,
        out_bias=True,
        path="temporal_block",
    )
    width = config.integer("lru_width", default=hidden)
    state = gated_linear_recurrence(
        hidden, width, heads=query, kernel=config.integer("conv1d_width", default=4), path="temporal_block"
    )
    # the config's width is that of gate and up together
    feed = gated_feed_forward(
        hidden, config.integer("intermediate_size", default=7680, least=2) // 2, bias=True, path="mlp_block"
    )
    kinds: tuple[str, ...] = (RECURRENT, RECURRENT, ATTENTION)
    if config.has("block_types"):
        entries = config.values["block_types"]
        kinds = config.names("block_types", (RECURRENT, ATTENTION), len(entries) if isinstance(entries, list) else 0)
    stack = grouped(
        [kinds[index % len(kinds)] for index in range(depth)],
        lambda kind: pre_norm(
            hidden,
            attend if kind == ATTENTION else state,
            feed,
            names=("temporal_pre_norm", "channel_pre_norm"),
        ),
        "model.layers.{index}",
    )
    paths = ("model.embed_tokens", "model.final_norm", "lm_head", "")
    return decoder(config, stack, tied_default=True, paths=paths)


def gated_linear_recurrence(hidden: int, width: int, *, heads: int, kernel: int, path: str) -> Operators:
    """RecurrentGemma's block (arXiv 2402.19427): a convolution and the RG-LRU, which keeps one value a channel."""
    dim = share(width, heads)
    gate, into, conv, lru, out = within(path, "linear_y", "linear_x", "conv_1d", "rg_lru", "linear_out")

    def gate_of(name: str) -> BlockDiagonal:
        weight, bias = within(lru, f"{name}_weight", f"{name}_bias")
        return BlockDiagonal(name=weight, blocks=heads, inputs=dim, outputs=dim, bias=bias)

    return (
        columns(into, [Output(name=name, units=heads, width=dim) for name in (gate, into)], hidden, bias=True),
        CausalConvolution(name=conv, channels=(Output(name=conv, units=heads, width=dim),), kernel=kernel, bias=True),
        gate_of("input_gate"),
        gate_of("recurrent_gate"),
        Recurrence(
            name=lru,
            heads=heads,
            key_dim=1,
            value_dim=dim,
            vectors=(Vector(name=within(lru, "recurrent_param")[0], width=dim),),
            inputs=4 * dim,
            # gates, the decay's exponential and the square root that keeps the variance, besides the update
            flops_per_value=12,
        ),
        Activation(name=gate, width=width),
        rows(out, hidden, heads, dim, bias=True),
    )
