"""ELECTRA: a BERT with narrower tables and no pooler; the discriminator tells replaced tokens."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, plain
from ._encoders import (
    bert_layers,
    bert_tables,
    classifier,
    encoder_model,
    masked_head,
    pooled,
    read_shape,
    sentence_head,
    token_head,
    with_head,
)


def build(config: Config) -> Architecture:
    shape = read_shape(config, hidden=256, width=1024, heads=4)
    hidden, width = shape.hidden, config.integer("embedding_size", default=128)

    def head(kind: str, _: str) -> Operators | None:
        discriminator, generator = "discriminator_predictions", "generator_predictions"
        match kind:
            case "":
                return ()
            case "PreTraining":
                found = classifier(f"{discriminator}.dense_prediction", 1, hidden, per="token")
                return (plain(f"{discriminator}.dense", hidden, hidden, True), found)
            case "MaskedLM":
                return masked_head(
                    config,
                    hidden,
                    shape.vocabulary,
                    dense=f"{generator}.dense",
                    norm=f"{generator}.LayerNorm",
                    decoder="generator_lm_head",
                    width=width,
                )
            case "SequenceClassification":
                return sentence_head(config, hidden)
            case "MultipleChoice":
                return (pooled("sequence_summary.summary", hidden), classifier("classifier", 1, hidden))
            case _:
                return token_head(config, kind, hidden)

    path, last = with_head(config, "electra", head)
    project = () if width == hidden else (plain(f"{path}embeddings_project", hidden, width, True),)
    return encoder_model(
        config,
        first=(*bert_tables(shape, f"{path}embeddings", width=width), *project),
        stack=bert_layers(shape, f"{path}encoder.layer.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
