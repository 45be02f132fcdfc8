"""The catalogue's own files: found by name without reading them all, read when asked for, each once.

A file is named for its accelerator, so that a canonical name needs that file alone. ``names.txt`` says in which files
every other name stands. It is a help and no authority: what it says is looked up in the files themselves, and a name
that it does not have is looked for in all of them. ``write_index`` writes it anew.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from .accelerator import Accelerator
from .errors import InvalidHardwareError
from .names import comparable_all, instance_key
from .schema import read_toml

__all__ = ["Meaning", "Names", "accelerator", "canonical_names", "index", "listed", "names", "write_index"]

Meaning: TypeAlias = tuple[str, int | None]
"""A canonical name, and the devices of a board, a server or an instance; None where a name says no number."""
Names: TypeAlias = Mapping[str, tuple[Meaning, ...]]
"""What each comparable name means; a canonical name means its own accelerator alone."""

_PACKAGE: Final = os.path.dirname(__file__)
_FOLDER: Final = os.path.join(_PACKAGE, "accelerators")
_INDEX: Final = os.path.join(_PACKAGE, "names.txt")
_READ_BYTES: Final = 1 << 15
_READING: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)


@functools.cache
def canonical_names() -> Mapping[str, str]:
    """Comparable name -> canonical name, of every file; in the order of the canonical names."""
    try:
        entries = os.listdir(_FOLDER)
    except NotADirectoryError:  # the package lies in a zip
        from importlib.resources import files

        entries = [entry.name for entry in files(__package__).joinpath("accelerators").iterdir()]
    stems = sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml"))
    return dict(zip(comparable_all(stems), stems, strict=True))


@functools.cache
def accelerator(name: str) -> Accelerator:
    """The accelerator of this canonical name, its file read and checked once."""
    file = f"{name}.toml"
    found = read_toml(file, _text(name))
    if found.name != name:
        raise InvalidHardwareError(f"{file}: key 'name' is {found.name!r}; it must be the file's name.")
    return found


@functools.cache
def names() -> Names:
    """Every name of every file, read from the raw text."""
    found: dict[str, tuple[Meaning, ...]] = {}
    rows = [(spelling, name, count) for name in canonical_names().values() for spelling, count in _spellings(name)]
    for key, (_, name, count) in zip(comparable_all(row[0] for row in rows), rows, strict=True):
        key = instance_key(key) if count else key
        meaning = name, count
        known = found.get(key)
        if known is None:
            found[key] = (meaning,)
        elif meaning not in known:
            found[key] = (*known, meaning)
    found.update((key, ((name, None),)) for key, name in canonical_names().items())
    return found


def listed(key: str) -> tuple[Meaning, ...]:
    """What a comparable name means by ``names.txt`` and the files that it names; empty where they do not say the same.

    That it lists all that share a name is under test.
    """
    text = _index_text()
    at = text.find(f"\n{key}\t")
    if at < 0:
        return ()
    at += len(key) + 2
    owners = text[at : text.find("\n", at)].split("\t")
    return tuple(meaning for owner in owners if (meaning := _meaning(owner, key)) is not None)


def _meaning(name: str, key: str) -> Meaning | None:
    """What this file says of a comparable name."""
    try:
        spellings = [(name, None), *_spellings(name)]
    except OSError:
        return None
    for known, (_, count) in zip(comparable_all(row[0] for row in spellings), spellings, strict=True):
        if key in (known, instance_key(known) if count else known):
            return name, count
    return None


def index() -> str:
    """What ``names.txt`` should hold: a line a name, with the canonical names after it."""
    rows = sorted((key, sorted({name for name, _ in found})) for key, found in names().items())
    return "\n" + "".join("\t".join((key, *owners)) + "\n" for key, owners in rows)


def write_index() -> None:
    """Write ``names.txt`` anew."""
    with open(_INDEX, "w", encoding="utf-8", newline="\n") as file:
        file.write(index())


@functools.cache
def _index_text() -> str:
    try:
        return _read(_INDEX)
    except OSError:
        return ""


def _spellings(name: str) -> Iterator[tuple[str, int | None]]:
    """The names that a file lists: aliases, and boards and instances with their devices."""
    text = _text(name)
    for alias in _between(text, "\naliases = [", "]").split('"')[1::2]:
        yield alias, None
    for section in ("\n[boards]", "\n[instances]"):
        for line in _between(text, section, "\n[").split("\n"):
            spelling, equals, count = line.partition("#")[0].rpartition("=")
            if equals:
                yield spelling.strip().strip('"'), int(count)


@functools.lru_cache(maxsize=1024)
def _text(name: str) -> str:
    return _read(os.path.join(_FOLDER, f"{name}.toml"))


def _read(path: str) -> str:
    # plain system calls: pathlib and open cost more than the reading, hundreds of times over
    try:
        handle = os.open(path, _READING)
    except NotADirectoryError:
        return bytes(__spec__.loader.get_data(path)).decode()  # type: ignore[union-attr]
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
