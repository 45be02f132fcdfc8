"""RWKV-5 (Eagle): each head keeps a matrix, with a decay for each of its rows."""

from ..architecture import Architecture
from ..config import Config
from ..operators import TokenShift
from ._blocks import Operators
from ._rwkv import channel_mix, layer_norm, matrix_state, read_state_heads, rwkv_model
from .rwkv import LAYERS, PATHS

MIXES = ("time_mix_key", "time_mix_value", "time_mix_receptance", "time_mix_gate")


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    mixing = (
        TokenShift(name="attention", width=hidden, mixes=MIXES, streams=len(MIXES)),
        *matrix_state(
            hidden,
            read_state_heads(config),
            path="attention",
            projections=("receptance", "key", "value", "gate"),
            vectors=("time_decay", "time_faaaa"),
            norm="ln_x",
            out="output",
        ),
    )
    return of_matrix_states(config, mixing, ("time_mix_key", "time_mix_receptance"))


def of_matrix_states(config: Config, mixing: Operators, mixes: tuple[str, str]) -> Architecture:
    """The model of RWKV 5 and 6 around its time mixing."""
    hidden = config.integer("hidden_size")
    # 3.5 times the hidden size, in whole 32s
    width = config.integer("intermediate_size", default=7 * hidden // 2 // 32 * 32)
    feeding = channel_mix(hidden, width, path="feed_forward", mixes=mixes)

    def block(first: bool) -> Operators:
        before = (layer_norm("pre_ln", hidden),) if first else ()
        return (*before, layer_norm("ln1", hidden), *mixing, layer_norm("ln2", hidden), *feeding)

    return rwkv_model(config, block, path=LAYERS, paths=PATHS)
