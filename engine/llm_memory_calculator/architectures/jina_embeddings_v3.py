"""Jina embeddings v3: XLM-R with rotary positions; its adapters are not counted."""

from ..architecture import Architecture
from ..config import Config
from ._encoders import bert_layers, bert_tables, encoder_model, read_shape, roberta_head, with_head


def build(config: Config) -> Architecture:
    shape = read_shape(config, hidden=1024, width=4096, depth=24, heads=16, vocabulary=250_002, positions=8194, types=1)
    path, last = with_head(config, "roberta", roberta_head(config, shape))
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings", positions=False),
        stack=bert_layers(
            shape,
            f"{path}layers.{{index}}",
            module="self_attn",
            projections=("q_proj", "k_proj", "v_proj", "o_proj"),
            norms=("post_attention_layernorm", "post_mlp_layernorm"),
            widths=("mlp.fc1", "mlp.fc2"),
        ),
        last=last,
        hidden=shape.hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
