"""Zamba2: Mamba-2 layers, and a few blocks of attention that take turns, each use with adapters of its own."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm, Output, Part
from ._blocks import Operators, columns, decoder, depth_of, plain
from ._recurrent import KIND_FIELDS, STATE, auto_head, layer_kinds, mamba2
from ._zamba import HYBRID, KINDS, doubled_attention, zamba_stack

BLOCK = "shared_transformer"


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    width = config.integer("intermediate_size", "ffn_hidden_size", default=4 * hidden)
    bias, rank = config.boolean("add_bias_linear", default=False), config.integer("adapter_rank", default=128)
    heads, inner = config.integer("n_mamba_heads", default=8), config.integer("mamba_expand", default=2) * hidden
    kinds = [HYBRID if index in (6, 12, 18, 24, 30, 36, 42, 47, 51) else STATE for index in range(depth)]
    if config.has(*KIND_FIELDS):
        kinds = layer_kinds(config, depth, KINDS)

    def state(path: str) -> Operators:
        return (
            Norm(name=f"{path}input_layernorm", width=hidden),
            *mamba2(
                hidden,
                heads=heads,
                dim=auto_head(config, "mamba_headdim", inner, heads),
                groups=config.integer("mamba_ngroups", default=1),
                state=config.integer("mamba_d_state", "state_size", default=64),
                kernel=config.integer("mamba_d_conv", "conv_dimension", default=4),
                chunk=config.integer("chunk_size", default=256),
                bias=bias,
                conv_bias=True,
                path=f"{path}mamba",
            ),
        )

    shared = doubled_attention(
        config, hidden, width, path=BLOCK, names=("gate_up_proj", "gate_up_proj", "down_proj"), bias=bias
    )
    own = adapter("feed_forward.gate_up_proj", hidden, rank, 2 * width, None)
    if config.boolean("use_shared_attention_adapter", default=False):
        for name in ("q", "k", "v"):
            own += adapter(f"self_attn.linear_{name}", 2 * hidden, rank, 2 * hidden, "mixer")
    own += (plain("linear", hidden, hidden),)
    return decoder(
        config,
        zamba_stack(kinds, state, shared, own, config.integer("num_mem_blocks", default=1)),
        tied_default=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )


def adapter(name: str, inputs: int, rank: int, outputs: int, part: Part | None) -> Operators:
    """Two matrices of low rank beside those of a shared block, for one of its uses."""
    down, up = (f"{BLOCK}.{name}_adapter_list.0.{number}" for number in (0, 1))
    return (plain(down, rank, inputs, part=part), columns(up, [Output(name=up, units=outputs)], rank, part=part))
