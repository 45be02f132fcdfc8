"""DistilBERT: BERT without segments and pooler, its names its own."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ._blocks import Operators, equal_heads
from ._encoders import (
    Shape,
    bert_layers,
    bert_tables,
    encoder_model,
    masked_head,
    pooled,
    pooled_head,
    with_head,
)


def build(config: Config) -> Architecture:
    hidden = config.integer("dim", "hidden_size", default=768)
    shape = Shape(
        hidden=hidden,
        width=config.integer("hidden_dim", default=3072),
        depth=config.integer("n_layers", "num_hidden_layers", default=6, most=DEEPEST_STACK),
        heads=equal_heads(hidden, config.integer("n_heads", "num_attention_heads", default=12)),
        vocabulary=config.integer("vocab_size", default=30_522),
        positions=config.integer("max_position_embeddings", default=512),
        types=0,
    )

    def head(kind: str, _: str) -> Operators | None:
        before = pooled("pre_classifier", hidden)
        match kind:
            case "":
                return ()
            case "MaskedLM":
                return masked_head(
                    config,
                    hidden,
                    shape.vocabulary,
                    dense="vocab_transform",
                    norm="vocab_layer_norm",
                    decoder="vocab_projector",
                )
            case _:
                return pooled_head(config, kind, hidden, before)

    path, last = with_head(config, "distilbert", head)
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings"),
        stack=bert_layers(
            shape,
            f"{path}transformer.layer.{{index}}",
            projections=("q_lin", "k_lin", "v_lin", "out_lin"),
            norms=("sa_layer_norm", "output_layer_norm"),
            widths=("ffn.lin1", "ffn.lin2"),
        ),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
