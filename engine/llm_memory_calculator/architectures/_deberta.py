"""DeBERTa's blocks: tables, relative positions and heads, around layers of the first or the second kind."""

from __future__ import annotations

from collections.abc import Callable

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Embedding, Norm
from ._blocks import Operators, plain
from ._encoders import (
    Shape,
    bert_predictions,
    bert_tables,
    classifier,
    encoder_model,
    label_count,
    masked_head,
    pooled,
    read_shape,
    token_head,
    with_head,
)


def attended_positions(config: Config) -> tuple[bool, bool]:
    """Whether content attends positions (c2p), and positions content (p2c)."""
    stated = config.values.get("pos_att_type") or []
    kinds = [kind.strip() for kind in stated.lower().split("|")] if isinstance(stated, str) else stated
    if not isinstance(kinds, list) or any(kind not in ("c2p", "p2c", "p2p", "") for kind in kinds):
        raise ConfigError(f"The config's pos_att_type must be made of 'c2p' and 'p2c', and is {shown(stated)}.")
    return "c2p" in kinds, "p2c" in kinds


def relative_positions(config: Config, shape: Shape, *, bucketed: bool) -> int:
    """Entries of the table of relative positions; 0 where attention is BERT's."""
    if not config.boolean("relative_attention", default=False):
        return 0
    buckets = config.integer("position_buckets", default=-1, least=-1) if bucketed else -1
    farthest = config.integer("max_relative_positions", default=-1, least=-1)
    return 2 * (buckets if buckets > 0 else farthest if farthest > 0 else shape.positions)


def deberta_model(
    config: Config,
    layers: Callable[[Shape, str, int], tuple[Layer, ...]],
    *,
    vocabulary: int,
    sizes: tuple[int, int, int, int],
    bucketed: bool,
) -> Architecture:
    """A DeBERTa around its layers. sizes: the family's hidden size, width, depth and heads."""
    hidden, width, depth, query = sizes
    shape = read_shape(config, hidden=hidden, width=width, depth=depth, heads=query, vocabulary=vocabulary, types=0)
    hidden = shape.hidden
    narrow = config.optional_integer("embedding_size") or hidden

    def head(kind: str, _: str) -> Operators | None:
        match kind:
            case "":
                return ()
            case "MaskedLM" if config.boolean("legacy", default=True):
                return bert_predictions(config, shape, width=narrow)
            case "MaskedLM":
                return masked_head(
                    config,
                    hidden,
                    shape.vocabulary,
                    dense="lm_predictions.lm_head.dense",
                    norm="lm_predictions.lm_head.LayerNorm",
                    decoder="lm_predictions.lm_head",
                    always_tied=True,
                )
            case "SequenceClassification" | "MultipleChoice":
                pool = config.optional_integer("pooler_hidden_size") or hidden
                labels = 1 if kind == "MultipleChoice" else label_count(config)
                return (pooled("pooler.dense", pool), classifier("classifier", labels, pool))
            case _:
                return token_head(config, kind, hidden)

    path, last = with_head(config, "deberta", head)
    entries = relative_positions(config, shape, bucketed=bucketed)
    biased = config.boolean("position_biased_input", default=True)
    tables = bert_tables(shape, f"{path}embeddings", width=narrow, norm_width=hidden, positions=biased)
    project = () if narrow == hidden else (plain(f"{path}embeddings.embed_proj", hidden, narrow),)
    relative: Operators = ()
    if entries:
        relative = (Embedding(name=f"{path}encoder.rel_embeddings", entries=entries, width=hidden, part="positions"),)
    if bucketed and "layer_norm" in config.text("norm_rel_ebd", default="none").lower():
        relative += (Norm(name=f"{path}encoder.LayerNorm", width=hidden, bias=True),)
    return encoder_model(
        config,
        first=(*tables, *project, *relative),
        stack=layers(shape, f"{path}encoder.layer.{{index}}", entries),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
