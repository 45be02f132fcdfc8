"""The settings in an engine's own print of its configuration: `a=1, b='x'`, `{'a': 1}`, `Args(a=1)`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .log import Setting

_TOKEN = re.compile(r"""'(?:[^'\\]|\\.){0,400}'|"(?:[^"\\]|\\.){0,400}"|[()\[\]{}]|,|[^,'"()\[\]{}]+|.""", re.DOTALL)
_PAIR = re.compile(r"""\s*['"]?([A-Za-z_]\w{0,60})['"]?\s*[=:]\s*(.*)""", re.DOTALL)
_INTEGER, _NUMBER = re.compile(r"-?\d{1,18}"), re.compile(r"-?\d{1,18}\.\d{0,18}(?:[eE][-+]?\d{1,2})?")
_CONSTANTS = {"True": True, "true": True, "False": False, "false": False}


def settings(text: str, names: Collection[str]) -> Iterator[tuple[str, Setting]]:
    """The plain values of these names at the top level of a configuration. (Names are asked for one by one: such a line
    also holds keys and tokens of accounts, which are no business of a report.)"""
    for part in _parts(text):
        pair = _PAIR.fullmatch(part)
        if pair and pair[1] in names:
            value = setting(pair[2])
            if value is not None:
                yield pair[1], value


def setting(text: str) -> Setting | None:
    """A value as it is printed, or None for nothing, for None and for what is nested."""
    word = text.strip()
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if not word or word == "None" or word[0] in "([{<":
        return None
    if _INTEGER.fullmatch(word):
        return int(word)
    if _NUMBER.fullmatch(word):
        return float(word)
    return word[1:-1] if word[0] in "'\"" and word[-1] == word[0] and len(word) > 1 else word


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas of the outermost brackets."""
    depth, part = 0, ""
    for token in _TOKEN.findall(text):
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
            if depth < 0:
                break
        if token == "," and depth == 0:
            yield part
            part = ""
        elif len(part) < 2000:
            part += token
    yield part
