"""GTE (mGTE): a BERT with rotary positions and gated feed-forwards, whose first two matrices have no bias."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import Operators, gated_feed_forward, grouped, post_norm
from ._encoders import (
    bert_tables,
    classifier,
    encoder_attention,
    encoder_model,
    label_count,
    masked_head,
    pooled,
    read_shape,
    token_head,
    with_head,
)

# Paths in the published checkpoints (model_type new) and in those of transformers' own class.
_NEW = ("new", "encoder.layer", ("attention", "qkv_proj", "qkv_proj", "qkv_proj", "o_proj"), ("attn_ln", "mlp_ln"))
_OWN = (
    "gte",
    "layers",
    ("self_attn", "q_proj", "k_proj", "v_proj", "o_proj"),
    ("post_attention_layernorm", "post_mlp_layernorm"),
)


def build(config: Config) -> Architecture:
    published = config.model_type == "new"
    shape = read_shape(config, vocabulary=30_528 if published else 250_048, positions=8192, types=1)
    hidden = shape.hidden
    prefix, layers, (module, *projections), norms = _NEW if published else _OWN
    query, key, value, out = projections
    fused = ("up_gate_proj", "up_gate_proj", "down_proj")

    def head(kind: str, path: str) -> Operators | None:
        match kind:
            case "":
                return ()
            case "MaskedLM":
                norm = "lm_head.norm" if published else "lm_head.layer_norm"
                return masked_head(
                    config, hidden, shape.vocabulary, dense="lm_head.dense", norm=norm, decoder="lm_head.decoder"
                )
            case "SequenceClassification":
                labels = classifier("classifier", label_count(config), hidden)
                return (pooled(f"{path}pooler.dense", hidden), labels)
            case _:
                return token_head(config, kind, hidden)

    path, last = with_head(config, prefix, head)
    block = post_norm(
        hidden,
        encoder_attention(hidden, shape.heads, path=module, names=(query, key, value, out), bias=True),
        gated_feed_forward(
            hidden, shape.width, down_bias=True, names=fused if published else ("gate_proj", "up_proj", "down_proj")
        ),
        bias=True,
        names=norms,
    )
    return encoder_model(
        config,
        first=bert_tables(shape, f"{path}embeddings", positions=False),
        stack=grouped([None] * shape.depth, lambda _: block, f"{path}{layers}.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
