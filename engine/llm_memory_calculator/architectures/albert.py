"""ALBERT: a BERT whose layers use the same weights (in num_hidden_groups groups), with narrow tables."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError
from ._blocks import Operators, borrowed, feed_forward, plain, post_norm
from ._encoders import (
    Shape,
    bert_tables,
    classifier,
    encoder_attention,
    encoder_model,
    label_count,
    masked_head,
    pooled,
    pooled_head,
    read_shape,
    with_head,
)


def build(config: Config) -> Architecture:
    shape = read_shape(config, hidden=4096, width=16_384, heads=64, vocabulary=30_000)
    hidden, width = shape.hidden, config.integer("embedding_size", default=128)
    groups, inner = config.integer("num_hidden_groups", default=1), config.integer("inner_group_num", default=1)
    if groups > shape.depth:
        raise ConfigError(f"The config's num_hidden_groups {groups} exceeds its {shape.depth} layers.")

    def block(path: str) -> Operators:
        return post_norm(
            hidden,
            encoder_attention(
                hidden, shape.heads, path=f"{path}.attention", names=("query", "key", "value", "dense"), bias=True
            ),
            feed_forward(hidden, shape.width, bias=True, path=path, names=("ffn", "ffn_output")),
            bias=True,
            names=(f"{path}.attention.LayerNorm", f"{path}.full_layer_layer_norm"),
        )

    operators = tuple(operator for number in range(inner) for operator in block(f"albert_layers.{number}"))

    def head(kind: str, path: str) -> Operators | None:
        pooler = pooled(f"{path}pooler", hidden)
        match kind:
            case "":
                return (pooler,)
            case "MaskedLM":
                return _predictions(config, shape, width)
            case "PreTraining":
                order = classifier("sop_classifier.classifier", label_count(config), hidden)
                return (pooler, *_predictions(config, shape, width), order)
            case _:
                return pooled_head(config, kind, hidden, pooler)

    path, last = with_head(config, "albert", head)
    stack: list[Layer] = []
    for group in range(groups):
        members = [index for index in range(shape.depth) if index * groups // shape.depth == group]
        # the first layer of a group stores what the others use too
        place = f"{path}encoder.albert_layer_groups.{group}"
        stack.append(Layer(path=place, operators=operators, indices=(members[0],)))
        if members[1:]:
            stack.append(Layer(path=place, operators=borrowed(operators), indices=tuple(members[1:]), owner=members[0]))
    return encoder_model(
        config,
        first=(
            *bert_tables(shape, f"{path}embeddings", width=width),
            plain(f"{path}encoder.embedding_hidden_mapping_in", hidden, width, True),
        ),
        stack=tuple(stack),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )


def _predictions(config: Config, shape: Shape, width: int) -> Operators:
    return masked_head(
        config,
        shape.hidden,
        shape.vocabulary,
        dense="predictions.dense",
        norm="predictions.LayerNorm",
        decoder="predictions.decoder",
        own_bias="predictions.bias",
        width=width,
    )
