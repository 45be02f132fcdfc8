"""RoBERTa: BERT with a table of positions that begins after the padding token's, and other heads."""

from ..architecture import Architecture
from ..config import Config
from ._encoders import bert_layers, bert_tables, encoder_model, read_shape, roberta_head, with_head


def build(config: Config) -> Architecture:
    shape = read_shape(config, vocabulary=50_265 if config.model_type == "roberta" else 30_522)
    path, last = with_head(config, "roberta", roberta_head(config, shape))
    padding = config.integer("pad_token_id", default=1, least=0)
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings"),
        stack=bert_layers(shape, f"{path}encoder.layer.{{index}}"),
        last=last,
        hidden=shape.hidden,
        vocabulary=shape.vocabulary,
        longest=max(1, shape.positions - padding - 1),
    )
