"""The catalogue's own files: listed once, read when asked for, and searched for names without reading them whole.

A file is named for its accelerator, so that a canonical name needs that file alone. Other names are looked for in the
raw text of all, which is a small part of the work of reading and checking the figures.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from .accelerator import Accelerator
from .errors import InvalidHardwareError
from .names import comparable_all, instance_key
from .schema import read_toml

__all__ = ["Names", "accelerator", "canonical_names", "index", "names", "owners_of_alias"]

_FOLDER: Final = os.path.join(os.path.dirname(__file__), "accelerators")
_READ_BYTES: Final = 1 << 15
_NUMBER: Final = re.compile(r"[a-z]\d+|\d\d+")
_READING: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)


class Names(NamedTuple):
    """Everything by which the accelerators of a catalogue are called."""

    aliases: Mapping[str, tuple[str, ...]]
    """Comparable name -> the canonical names that it means; a canonical name means its own alone."""
    instances: Mapping[str, tuple[tuple[str, int], ...]]
    """Comparable instance type -> canonical names, each with the devices of one instance."""


@functools.cache
def canonical_names() -> Mapping[str, str]:
    """Comparable name -> canonical name, of every file; in the order of the canonical names."""
    stems = sorted(name.removesuffix(".toml") for name in os.listdir(_FOLDER) if name.endswith(".toml"))
    return dict(zip(comparable_all(stems), stems, strict=True))


@functools.cache
def accelerator(name: str) -> Accelerator:
    """The accelerator of this canonical name, its file read and checked once."""
    file = f"{name}.toml"
    found = read_toml(file, _text(name))
    if found.name != name:
        raise InvalidHardwareError(f"{file}: key 'name' is {found.name!r}; it must be the file's name.")
    return found


def owners_of_alias(key: str, name: str) -> tuple[str, ...]:
    """The canonical names that a name, comparable as ``key``, means; empty for none.

    Most names have the number of their product in them, and so has the product's file: until all names have been
    read, those files are looked at alone. That no other file has the name too is under test.
    """
    number = _NUMBER.search(name.lower())
    if number is not None and not names.cache_info().currsize:
        likely = [canonical for stem, canonical in canonical_names().items() if number[0] in stem]
        listed = [(alias, canonical) for canonical in likely for alias in _aliases(canonical)]
        keys = comparable_all(alias for alias, _ in listed) if listed else []
        owners = [canonical for known, (_, canonical) in zip(keys, listed, strict=True) if known == key]
        if owners:
            return tuple(dict.fromkeys(owners))
    return names().aliases.get(key, ())


@functools.cache
def names() -> Names:
    """The aliases and instance types of all files, read from their raw text."""
    aliases: list[str] = []
    owners: list[str] = []
    instances: list[tuple[str, str, int]] = []
    for name in canonical_names().values():
        text = _text(name)
        listed = _aliases(name)
        aliases += listed
        owners += [name] * len(listed)
        for line in _between(text, "\n[instances]", "\n[").split("\n"):
            instance, equals, count = line.partition("#")[0].rpartition("=")
            if equals:
                instances.append((instance.strip().strip('"'), name, int(count)))
    return index(canonical_names(), zip(comparable_all(aliases), owners, strict=True), instances)


def index(
    canonical: Mapping[str, str], aliases: Iterable[tuple[str, str]], instances: Iterable[tuple[str, str, int]]
) -> Names:
    """The index of these names: aliases as (comparable, canonical), instances as (type, canonical, devices)."""
    by_alias: dict[str, tuple[str, ...]] = {}
    for key, name in aliases:
        known = by_alias.get(key)
        if known is None:
            by_alias[key] = (name,)
        elif name not in known:
            by_alias[key] = (*known, name)
    by_alias.update((key, (name,)) for key, name in canonical.items())
    by_instance: dict[str, tuple[tuple[str, int], ...]] = {}
    rows = list(instances)
    for key, (_, name, count) in zip(comparable_all(row[0] for row in rows), rows, strict=False):
        key = instance_key(key)
        by_instance[key] = (*by_instance.get(key, ()), (name, count))
    return Names(by_alias, by_instance)


def _aliases(name: str) -> list[str]:
    return _between(_text(name), "\naliases = [", "]").split('"')[1::2]


@functools.lru_cache(maxsize=1024)
def _text(name: str) -> str:
    # plain system calls: pathlib and open cost more than the reading, hundreds of times over
    handle = os.open(os.path.join(_FOLDER, f"{name}.toml"), _READING)
    try:
        content = piece = os.read(handle, _READ_BYTES)
        while len(piece) == _READ_BYTES:
            piece = os.read(handle, _READ_BYTES)
            content += piece
        return content.decode()
    finally:
        os.close(handle)


def _between(text: str, start: str, end: str) -> str:
    at = text.find(start)
    if at < 0:
        return ""
    at += len(start)
    stop = text.find(end, at)
    return text[at:] if stop < 0 else text[at:stop]
