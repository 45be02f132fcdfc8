"""BERT: learned positions and segments, a norm after each sum, a pooler; also most e5, bge and gte models."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators
from ._encoders import (
    bert_layers,
    bert_predictions,
    bert_tables,
    classifier,
    encoder_model,
    pooled,
    pooled_head,
    read_shape,
    with_head,
)


def build(config: Config) -> Architecture:
    shape = read_shape(config)
    hidden = shape.hidden

    def head(kind: str, path: str) -> Operators | None:
        pooler, pairs = pooled(f"{path}pooler.dense", hidden), classifier("cls.seq_relationship", 2, hidden)
        match kind:
            case "":
                return (pooler,)
            case "MaskedLM":
                return bert_predictions(config, shape)
            case "PreTraining":
                return (pooler, *bert_predictions(config, shape), pairs)
            case "NextSentencePrediction":
                return (pooler, pairs)
            case _:
                return pooled_head(config, kind, hidden, pooler)

    path, last = with_head(config, "bert", head)
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings"),
        stack=bert_layers(shape, f"{path}encoder.layer.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
