"""TOML, read fast: one expression for the plain lines that the catalogue's files are made of.

``tomllib`` is written in Python and takes about a millisecond a file, which for a few hundred is more than an answer
takes. The plain subset (tables, arrays of tables, keys with a text, a number, true or false, or a list of texts) is
read here, each section once where many files have it word for word (a PCIe link); at anything else, and at every
fault, the whole text goes to ``tomllib``, whose result and whose errors are the same.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["loads"]

_PAIR: Final = re.compile(
    r"""
      (?:([A-Za-z0-9_-]+)|"([^"]+)")[ ]=[ ]
      (?: "([^"]*)"
        | ([+-]?(?:0|[1-9](?:_?[0-9])*)((?:\.[0-9]+)?(?:e[+-]?[0-9]+)?))
        | (\[[^\[\]]*\])
        | (true|false)
      )
      [ ]*(?:\#.*)?(?:\n|\Z)
    | (?:\#.*)?\n
    | (.+)
    """,
    re.VERBOSE,
)
_TEXTS: Final = re.compile(r'\[\s*(?:"[^"\n]*"(?:\s*,\s*"[^"\n]*")*\s*(?:,\s*)?)?\]')
_HEADING: Final = re.compile(r"(\[?)([A-Za-z0-9_-]+)\](\]?)[ ]*(?:#.*)?")


def loads(text: str) -> dict[str, Any]:
    """What ``tomllib.loads`` returns, sooner, but for lists that several answers share; to be read, not changed.

    Raises tomllib.TOMLDecodeError (a ValueError) as it does.
    """
    found = _plain(text)
    if found is None:
        import tomllib

        return tomllib.loads(text)
    return found


def _plain(text: str) -> dict[str, Any] | None:
    """The table, or None where ``tomllib`` is to decide."""
    # escapes, texts over several lines, tabs and other controls
    if "\\" in text or '"""' in text or not text.replace("\n", "").isprintable():
        return None
    # with no text over several lines, a line that begins so is a heading
    head, *sections = ("\n" + text).split("\n[")
    pairs = _pairs(head)
    if pairs is None:
        return None
    root = dict(pairs)
    arrays: dict[str, list[dict[str, Any]]] = {}
    for section in sections:
        line, _, body = section.partition("\n")
        heading, pairs = _HEADING.fullmatch(line), _pairs(body)
        if heading is None or pairs is None:
            return None
        opened, name, closed = heading.groups()
        if bool(opened) != bool(closed):
            return None
        table = dict(pairs)
        if opened and name in arrays:
            arrays[name].append(table)
        elif name in root:
            return None
        elif opened:
            arrays[name] = root[name] = [table]
        else:
            root[name] = table
    return root


@functools.lru_cache(maxsize=4096)
def _pairs(body: str) -> Mapping[str, Any] | None:
    """The keys and values of one section; None where a line is not plain or a key stands twice."""
    table: dict[str, Any] = {}
    for bare, quoted, word, number, fraction, items, truth, other in _PAIR.findall(body):
        key = bare or quoted
        if not key:
            if other:
                return None
            continue
        if key in table or "\n" in quoted or "\n" in word:
            return None
        if number:
            table[key] = float(number) if fraction else int(number)
        elif word:
            table[key] = word
        elif items:
            if not _TEXTS.fullmatch(items):
                return None
            table[key] = items.split('"')[1::2]
        elif truth:
            table[key] = truth == "true"
        else:
            # nothing between quotes, or nothing at all
            return None
    return table
