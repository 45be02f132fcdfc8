"""LongCat-Flash-Lite: LongCat-Flash with tables for the tokens before each one, as large as half of the model."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import Embedding
from ._blocks import Operators, plain
from .longcat_flash import build as build_longcat


def build(config: Config) -> Architecture:
    built = build_longcat(config)
    first = replace(built.first, operators=(*built.first.operators, *_tables(config, built.hidden_size)))
    return replace(built, first=first)


def _tables(config: Config, hidden: int) -> Operators:
    """For each neighbour (2 to n tokens) and each split a hashed table and a matrix; no two tables are of one size."""
    count = config.integer("emb_split_num", most=64) * (config.integer("emb_neighbor_num", least=2, most=64) - 1)
    if hidden % count:
        raise ConfigError(
            f"The config's hidden_size {hidden} is not a multiple of its {count} tables (emb_split_num x "
            "(emb_neighbor_num - 1))."
        )
    entries, path = config.integer("ngram_vocab_size_ratio") * config.integer("vocab_size"), "model.ngram_embeddings"
    return tuple(
        part
        for index in range(count)
        for part in (
            Embedding(
                name=f"{path}.embedders.{index}", entries=entries + 2 * index + 1, width=hidden // count, hashed=True
            ),
            plain(f"{path}.post_projs.{index}", hidden, hidden // count),
        )
    )
