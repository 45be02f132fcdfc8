"""The bundled catalogue of models: ids, the other names they go by, and their configs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import did_you_mean

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[-_. ]+(?=\d)")
_SEPARATORS = re.compile(r"[-_. ]+")


class Named(NamedTuple):
    """What the catalogue knows under a name."""

    id: str
    """The canonical id, a key of `catalogue_entries`."""
    repository: str
    """The hub repository that the name means: its own where the name is a repository's, else the canonical one."""


@cache
def catalogue_entries() -> Mapping[str, Mapping[str, Any]]:
    """Every entry by canonical id: `names`, `parameters`, `source` and `config`; shared, so not to be changed."""
    text = files(__package__.rpartition(".")[0]).joinpath("data", "models.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


def catalogue_names() -> list[str]:
    """The canonical ids, in the catalogue's order."""
    return list(catalogue_entries())


def config_of(id: str) -> dict[str, Any]:
    """A copy of the entry's config, which is the caller's to change."""
    config: dict[str, Any] = _copied(catalogue_entries()[id]["config"])
    return config


def find(name: str) -> Named | None:
    """What is meant by an id, another name, or the part of either after the organisation.

    Letter case does not count, nor do the characters `-_.` and space, except that 2.5 is not 25: between two digits
    any of them stands for any other, but one must stand there (Qwen2-57B is not Qwen2.5-7B).
    """
    index = _index()
    return index.get(name) or index.get(_fold(name))


def near_names(name: str) -> str:
    """` Did you mean 'x' or 'y'?` with the nearest ids and names; nothing where none is near or it is one itself."""
    if find(name):
        return ""
    with_organisation, alone = _spellings()
    return did_you_mean(name, with_organisation if "/" in name else alone)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value


def _fold(name: str) -> str:
    return _SEPARATORS.sub("", _BETWEEN_DIGITS.sub("~", name.lower()))


@cache
def _spellings() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every name as spelled, and every name without its organisation."""
    names = tuple(name for id, entry in catalogue_entries().items() for name in (id, *entry["names"]))
    return names, tuple(name.rpartition("/")[2] for name in names)


@cache
def _index() -> Mapping[str, Named]:
    """Every name as spelled and folded; an id outranks another model's name, both outrank a part of one."""
    ids = [(id, Named(id, id)) for id in catalogue_entries()]
    names = [
        (name, Named(id, name if "/" in name else id))
        for id, entry in catalogue_entries().items()
        for name in entry["names"]
    ]
    parts = [(name.partition("/")[2], match) for name, match in (*ids, *names) if "/" in name]
    index: dict[str, Named] = {}
    for name, match in (*ids, *names, *parts):
        index.setdefault(name, match)
        index.setdefault(_fold(name), match)
    return MappingProxyType(index)
