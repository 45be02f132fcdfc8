"""The bundled catalogue of models: ids, the other names they go by, and their configs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

from ..formats.labels import format_in
from .name_words import (
    abbreviated,
    core_of,
    count_of,
    general,
    heads_of,
    is_near,
    is_size,
    is_version,
    key_of,
    makers_of,
    prefixes,
    with_word,
    words_of,
)

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[-_. ]+(?=\d)")
# some makers' names say in how many bits the weights are stored, as all are
_PLAIN = re.compile(r"[-_]bf16$")
_SEPARATORS = re.compile(r"[-_. ]+")
# 1.5b, but not the end of 3.1.8b
_SIZE_WITH_POINT = re.compile(r"(?<![\d.])(\d+)\.(?=\d+[bm](?![a-z]))")


class Named(NamedTuple):
    """What the catalogue knows under a name."""

    id: str
    """The canonical id, a key of `catalogue_entries`."""
    repository: str
    """The hub repository that the name means: its own where the name is a repository's, else the entry's that has the
    name's words, which is the canonical one where that has them or none has."""


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
    any of them stands for any other, but one must stand there (Qwen2-57B is not Qwen2.5-7B), and the point of a size
    for nothing else (llama 2.7b is not Llama-2-7b).
    """
    index = _index()
    return index.get(name) or index.get(_fold(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One of the names of an entry, without its organisation, and its words."""

    id: str
    name: str
    """In small letters."""
    organisation: str
    core: tuple[str, ...]
    keys: tuple[str, ...]
    """The core's words as they are compared."""
    heads: tuple[tuple[str, frozenset[str]], ...]
    """Its versions that are no whole words, each with the words that it ends."""
    family: str
    """The first word of letters that is not set before a name by its maker and is not shared by families."""
    makers: frozenset[str]
    copied: bool
    """Whether the name says that it is a quantised copy, or one that was trained to be quantised."""


@cache
def spellings() -> tuple[Spelling, ...]:
    """Every name of the catalogue, in its order."""
    found = []
    for id, entry in catalogue_entries().items():
        for full in (id, *entry["names"]):
            organisation, _, name = full.lower().rpartition("/")
            organisation = organisation or id.partition("/")[0].lower()
            makers, core = makers_of(organisation), core_of(_PLAIN.sub("", name))
            form = format_in(name, "")[1]
            words = [word for word in core if word.isalpha()]
            telling = [word for word in words if word not in prefixes() and word not in general()]
            found.append(
                Spelling(
                    id=id,
                    name=name,
                    organisation=organisation,
                    core=core,
                    keys=tuple(map(key_of, core)),
                    heads=heads_of(name),
                    family=next((word for word in telling if len(word) > 1), next(iter(telling or words), "")),
                    makers=makers,
                    copied="unquantized" in name or (form is not None and "plain" not in form.config),
                )
            )
    return tuple(found)


def is_mixture(id: str) -> bool:
    """Whether the entry is a mixture of experts."""
    config = catalogue_entries()[id]["config"]
    parts = [config, *(part for part in config.values() if isinstance(part, Mapping))]
    return any("expert" in field and value not in (None, 0, 1) for part in parts for field, value in part.items())


def off_by(id: str, count: float) -> float:
    """How many times larger or smaller than `count` the entry is, as a logarithm."""
    total: int = catalogue_entries()[id]["parameters"]
    return abs(math.log(total / count))


def near_names(name: str) -> str:
    """` Did you mean 'x' or 'y'?` with the names of the nearest family, generation and size, in this order.

    Nothing where no family is near, or where it is a name itself.
    """
    if find(name):
        return ""
    whole = name.rpartition("/")[2].lower()
    for short, long in abbreviated().items():
        whole = with_word(whole, short, long)
    core = core_of(whole)
    sizes = [count for count in (count_of(word) for word in core if is_size(word)) if count]
    versions = {key_of(word).replace(".", "") for word in core if is_version(word)}
    if not sizes:
        # falcon 180
        sizes = [1e9 * float(word) for word in core if word.isdecimal() and int(word) > 5]
    families = _families_near({word for word in core if word.isalpha() and len(word) > 1})
    ranked: dict[str, tuple[float, ...]] = {}
    for one in (one for family in families for one in _originals_of()[family]):
        own = {key.replace(".", "") for key in one.keys if is_version(key)}
        shared = len(set(one.keys) & set(core)) - 0.1 * len(set(one.keys) - set(core))
        size = off_by(one.id, sizes[0]) if sizes else 0.0
        rank = (families[one.family], len(versions - own), round(size, 1), -shared, len(own - versions))
        ranked[one.id] = min(rank, ranked.get(one.id, rank))
    best = sorted(ranked, key=ranked.__getitem__)[:3]
    shown = [id if "/" in name else id.rpartition("/")[2] for id in best]
    return f" Did you mean {' or '.join(map(repr, shown))}?" if shown else ""


@cache
def _originals_of() -> Mapping[str, tuple[Spelling, ...]]:
    """The names of each family, without those of quantised copies, in the catalogue's order."""
    found: dict[str, list[Spelling]] = {one.family: [] for one in spellings()}
    for one in spellings():
        if not one.copied:
            found[one.family].append(one)
    return {family: tuple(names) for family, names in found.items()}


def _families_near(words: set[str]) -> dict[str, int]:
    """The families of the catalogue that the words name, and how far off they are: 0, or 1 for one misspelt."""
    found = dict.fromkeys(words & _originals_of().keys(), 0)
    long = [word for word in words if len(word) > 3]
    if not found:
        found = {family: 1 for word in long for family in _misspelt(word)}
    if not found:
        found = {family: 2 for word in set(long) - general() for family in _alike(word)}
    return found


def _misspelt(word: str) -> list[str]:
    """The families of which a word is one slip away; a slip changes two letters at most."""
    own, length = _letters(word), len(word)
    near = (one for size in (length - 1, length, length + 1) for one in _by_length().get(size, ()))
    return [family for family, letters in near if (own ^ letters).bit_count() <= 2 and is_near(word, family)]


_ALIKE = 0.75  # of the letters of both


def _alike(word: str) -> list[str]:
    """The two families that are most like a word; only those are compared that have enough letters in common."""
    import difflib  # takes long to load, and only an error asks for it

    own, length, near = _letters(word), len(word), list[str]()
    for size, families in _by_length().items():
        # of the word so many letters, and of the family so many, may be no other's
        spare = length - _ALIKE * (length + size) / 2
        beyond = size - _ALIKE * (length + size) / 2
        if spare >= 0 and beyond >= 0:
            near += [
                family
                for family, letters in families
                if (own & ~letters).bit_count() <= spare and (letters & ~own).bit_count() <= beyond
            ]
    return difflib.get_close_matches(word, near, n=2, cutoff=_ALIKE)


def _letters(word: str) -> int:
    """Which letters a word has, as bits; some of other alphabets share one."""
    bits = 0
    for letter in word:
        bits |= 1 << ord(letter) % 64
    return bits


@cache
def _by_length() -> Mapping[int, tuple[tuple[str, int], ...]]:
    """The families with their letters, by how many these are."""
    found: dict[int, list[tuple[str, int]]] = {}
    for family in sorted(_originals_of()):
        found.setdefault(len(family), []).append((family, _letters(family)))
    return {length: tuple(families) for length, families in found.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value


def _fold(name: str) -> str:
    pointed = _SIZE_WITH_POINT.sub(r"\1,", name.lower())
    return _SEPARATORS.sub("", _BETWEEN_DIGITS.sub("~", pointed))


def _repository_of(name: str, id: str, names: Iterable[str]) -> str:
    """The repository of an entry that one of its names means."""
    if "/" in name:
        return name
    repositories = {one: _keys_in(one) for one in (id, *(other for other in names if "/" in other))}
    # 3_5 is 3.5, or two words
    wanted = (_keys_in(name), _keys_in(name.replace("_", "-")))
    return next((one for words in wanted for one, own in repositories.items() if words <= own), id)


def _keys_in(name: str) -> frozenset[str]:
    return frozenset(key_of(word) for word in words_of(name))


@cache
def _index() -> Mapping[str, Named]:
    """Every name as spelled and folded; an id outranks another model's name, both outrank a part of one."""
    ids = [(id, Named(id, id)) for id in catalogue_entries()]
    names = [
        (name, Named(id, _repository_of(name, id, entry["names"])))
        for id, entry in catalogue_entries().items()
        for name in entry["names"]
    ]
    parts = [(name.partition("/")[2], match) for name, match in (*ids, *names) if "/" in name]
    index: dict[str, Named] = {}
    for name, match in (*ids, *names, *parts):
        index.setdefault(name, match)
        index.setdefault(_fold(name), match)
    for name, match in (*ids, *names, *parts):
        # 1_5b is a size of 1.5 where nothing else has the words
        index.setdefault(_fold(name).replace(",", "~"), match)
    return MappingProxyType(index)
