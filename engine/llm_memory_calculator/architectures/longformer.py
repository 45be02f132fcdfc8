"""Longformer: a RoBERTa with windows, and projections of their own for the positions that see everything."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import feed_forward, grouped, post_norm
from ._encoders import (
    attention_windows,
    bert_tables,
    encoder_model,
    global_attention,
    read_shape,
    roberta_head,
    with_head,
)


def build(config: Config) -> Architecture:
    shape = read_shape(config)
    hidden = shape.hidden
    path, last = with_head(config, "longformer", roberta_head(config, shape))
    stack = grouped(
        attention_windows(config, shape.depth),
        lambda window: post_norm(
            hidden,
            global_attention(
                hidden,
                shape.heads,
                path="attention",
                names=("self.query", "self.key", "self.value", "output.dense"),
                window=window,
            ),
            feed_forward(hidden, shape.width, bias=True, path="", names=("intermediate.dense", "output.dense")),
            bias=True,
            names=("attention.output.LayerNorm", "output.LayerNorm"),
        ),
        f"{path}encoder.layer.{{index}}",
    )
    padding = config.integer("pad_token_id", default=1, least=0)
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings"),
        stack=stack,
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=max(1, shape.positions - padding - 1),
    )
