"""xLSTM (arXiv 2503.13427, xLSTM-7B): a matrix memory of each head with exponential gates, and its normaliser."""

from math import ceil

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Activation, Norm, Output, Recurrence
from ._blocks import Operators, columns, decoder, depth_of, gated_feed_forward, grouped, pre_norm, rows, share, within


def build(config: Config) -> Architecture:
    if config.has("_xlstm_config"):
        raise ConfigError("The config's _xlstm_config is of the first xLSTM, whose scalar memories are not described.")
    hidden, bias = config.integer("embedding_dim", "hidden_size"), config.boolean("use_bias", default=False)
    if config.integer("hidden_size", default=hidden) != hidden:
        raise ConfigError("The config's embedding_dim and hidden_size are one number, and differ.")
    multiple = config.integer("ffn_round_up_to_multiple_of", default=64)
    width = ceil(int(hidden * config.real("ffn_proj_factor", default=2.667)) / multiple) * multiple
    feed = gated_feed_forward(hidden, width, bias=bias, path="ffn", names=("proj_up_gate", "proj_up", "proj_down"))
    block = pre_norm(hidden, _memory(config, hidden, bias), feed, bias=bias, names=("norm_mlstm", "norm_ffn"))
    depth = depth_of(config, "num_blocks", "num_hidden_layers")
    return decoder(
        # the head has a matrix of its own whatever the config says
        config.stating(tie_word_embeddings=False),
        grouped([None] * depth, lambda _: block, "backbone.blocks.{index}"),
        hidden=hidden,
        paths=("backbone.embeddings", "backbone.out_norm", "lm_head", ""),
    )


def _memory(config: Config, hidden: int, bias: bool) -> Operators:
    heads = config.integer("num_heads", default=8)
    key = share(int(hidden * config.real("qk_dim_factor", default=0.5)), heads)
    value = share(int(hidden * config.real("v_dim_factor", default=1.0)), heads)
    q, k, v, gate, into, forget, core, norm, out = within(
        "mlstm_layer",
        *("q", "k", "v", "ogate_preact", "igate_preact", "fgate_preact", "mlstm", "multihead_norm", "out_proj"),
    )
    outputs = tuple(Output(name=name, units=heads, width=dim) for name, dim in ((q, key), (k, key), (v, value)))
    return (
        columns(q, (*outputs, Output(name=gate, units=heads, width=value)), hidden, bias),
        columns(into, (Output(name=into, units=heads), Output(name=forget, units=heads)), hidden, bias=True),
        Recurrence(
            name=core,
            heads=heads,
            key_dim=key,
            value_dim=value,
            inputs=2 * (key + value) + 2,
            chunk=config.integer("chunk_size", default=64),
        ),
        # the normaliser of each head, a sum of its keys, and the greatest exponent so far
        Recurrence(name=f"{core}.normaliser", heads=heads, key_dim=key + 1, inputs=0, chunk=None),
        Norm(name=norm, width=value, heads=heads, own_scales=True, bias=bias, gated=True, split="columns"),
        Activation(name=f"{gate}.act", width=heads * value),
        rows(out, hidden, heads, value, bias),
    )
