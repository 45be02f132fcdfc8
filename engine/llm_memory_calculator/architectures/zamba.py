"""Zamba: Mamba layers, and one block of attention that is used at every sixth of them."""

from typing import Any

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import BlockDiagonal, Norm
from ._blocks import Operators, decoder, depth_of, plain, within
from ._recurrent import KIND_FIELDS, STATE, auto_rank, layer_kinds, mamba
from ._zamba import HYBRID, KINDS, doubled_attention, zamba_stack


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    period = config.integer("attn_layer_period", default=6)
    offset = config.integer("attn_layer_offset", default=4, least=0)
    kinds = [
        HYBRID if index == 2 or (index > 2 and (index - 3) % period == offset) else STATE for index in range(depth)
    ]
    if config.has(*KIND_FIELDS):
        kinds = layer_kinds(config, depth, KINDS)

    def state(path: str) -> Operators:
        return (
            Norm(name=f"{path}input_layernorm", width=hidden),
            *mamba_heads(
                hidden,
                heads=config.integer("n_mamba_heads", default=2),
                inner=config.integer("mamba_expand", default=2) * hidden,
                state=config.integer("mamba_d_state", default=16),
                kernel=config.integer("mamba_d_conv", default=4),
                rank=auto_rank(config, "mamba_dt_rank", hidden),
                bias=config.boolean("mamba_proj_bias", default=False),
                conv_bias=config.boolean("mamba_conv_bias", default=True),
                path=f"{path}mamba",
            ),
        )

    shared = doubled_attention(config, hidden, config.integer("intermediate_size"), path="shared_transf")
    return decoder(
        config,
        zamba_stack(kinds, state, shared, (plain("linear", hidden, hidden),), 1),
        tied_default=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )


def mamba_heads(hidden: int, *, heads: int, inner: int, state: int, rank: int, path: str, **kept: Any) -> Operators:
    """Zamba's Mamba: each of its heads has time steps, B and C of its own."""
    if inner % heads:
        raise ConfigError(f"The config's inner width {inner} is not a multiple of its n_mamba_heads {heads}.")
    into, conv, _, _, scan, out = mamba(hidden, inner=inner, state=state, rank=rank, path=path, **kept)
    selection, steps, bias = within(path, "x_proj_weight", "dt_proj_weight", "dt_proj_bias")
    dim = inner // heads
    return (
        into,
        conv,
        BlockDiagonal(name=selection, blocks=heads, inputs=dim, outputs=rank + 2 * state),
        BlockDiagonal(name=steps, blocks=heads, inputs=rank, outputs=dim, bias=bias),
        scan,
        out,
    )
