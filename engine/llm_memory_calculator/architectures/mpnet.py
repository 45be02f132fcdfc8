"""MPNet: a RoBERTa without segments and with one table of relative positions for all layers."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Embedding
from ._encoders import bert_layers, bert_tables, encoder_model, read_shape, roberta_head, with_head


def build(config: Config) -> Architecture:
    shape = read_shape(config, vocabulary=30_527, types=0)
    path, last = with_head(config, "mpnet", roberta_head(config, shape))
    relative = Embedding(
        name=f"{path}encoder.relative_attention_bias",
        entries=config.integer("relative_attention_num_buckets", default=32),
        width=shape.heads.query,
        part="positions",
    )
    padding = config.integer("pad_token_id", default=1, least=0)
    return encoder_model(
        config,
        first=(*bert_tables(shape, f"{path}embeddings"), relative),
        stack=bert_layers(
            shape,
            f"{path}encoder.layer.{{index}}",
            projections=("attn.q", "attn.k", "attn.v", "attn.o"),
            norms=("attention.LayerNorm", "output.LayerNorm"),
        ),
        last=last,
        hidden=shape.hidden,
        vocabulary=shape.vocabulary,
        longest=max(1, shape.positions - padding - 1),
    )
