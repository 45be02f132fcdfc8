"""RWKV-6 (Finch): RWKV-5 with mixes and decays that each token makes by matrices of low rank."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Output, TokenShift
from ._blocks import Operators, columns, plain, within
from ._rwkv import matrix_state, read_state_heads
from .rwkv5 import of_matrix_states

PATH = "attention"
MIXES = ("time_maa_x", "time_maa_w", "time_maa_k", "time_maa_v", "time_maa_r", "time_maa_g")


def build(config: Config) -> Architecture:
    if config.has("expand_k", "proj_low_rank_dim"):
        raise ConfigError(
            "The config is one of the fla package, whose rwkv6 is not described; give that of the RWKV team."
        )
    hidden, heads = config.integer("hidden_size"), read_state_heads(config)
    # the ranks are fixed in the published code: twice as many at 4,096
    mix_rank, decay_rank = (64, 128) if hidden == 4096 else (32, 64)
    mix, mixed, decay, decayed = within(PATH, "time_maa_w1", "time_maa_w2", "time_decay_w1", "time_decay_w2")
    mixing: Operators = (
        TokenShift(name=PATH, width=hidden, mixes=MIXES, streams=len(MIXES)),
        plain(mix, 5 * mix_rank, hidden, part="mixer"),
        # five small products side by side: as many values as one of this shape
        plain(mixed, hidden, 5 * mix_rank, part="mixer"),
        *matrix_state(
            hidden,
            heads,
            path=PATH,
            projections=("receptance", "key", "value", "gate"),
            vectors=("time_decay", "time_faaaa"),
            norm="ln_x",
            out="output",
            dynamic=(
                plain(decay, decay_rank, hidden, part="mixer"),
                columns(decayed, [Output(name=decayed, units=heads.query, width=heads.dim)], decay_rank),
            ),
            inputs=5,
        ),
    )
    return of_matrix_states(config, mixing, ("time_maa_k", "time_maa_r"))
