"""RWKV-4: each channel keeps a weighted mean of the values before, as a numerator, a denominator and their scale."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Output, Recurrence, TokenShift, Vector
from ._blocks import Operators, columns, rows, within
from ._rwkv import channel_mix, layer_norm, rwkv_model

PATHS = ("rwkv.embeddings", "rwkv.ln_out", "head", "")
LAYERS = "rwkv.blocks.{index}"


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    mixing = time_mix(hidden, config.integer("attention_hidden_size", default=hidden))
    feeding = channel_mix(
        hidden,
        config.integer("intermediate_size", default=4 * hidden),
        path="feed_forward",
        mixes=("time_mix_key", "time_mix_receptance"),
    )

    def block(first: bool) -> Operators:
        before = (layer_norm("pre_ln", hidden),) if first else ()
        return (*before, layer_norm("ln1", hidden), *mixing, layer_norm("ln2", hidden), *feeding)

    return rwkv_model(config, block, path=LAYERS, paths=PATHS)


def time_mix(hidden: int, width: int) -> Operators:
    path = "attention"
    names = within(path, "key", "value", "receptance")
    decay, first = within(path, "time_decay", "time_first")
    mixes = ("time_mix_key", "time_mix_value", "time_mix_receptance")
    return (
        TokenShift(name=path, width=hidden, mixes=mixes, streams=len(mixes)),
        columns(within(path, "projections")[0], [Output(name=name, units=width) for name in names], hidden),
        Recurrence(
            name=within(path, "wkv")[0],
            heads=width,
            key_dim=3,
            vectors=(Vector(name=decay), Vector(name=first)),
            inputs=4,
            flops_per_value=6,
        ),
        rows(within(path, "output")[0], hidden, width),
    )
