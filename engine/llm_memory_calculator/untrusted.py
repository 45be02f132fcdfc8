"""Text of configs, of headers of files and of the hub: read as it is, and never shown beyond what a name can be.

An agent reads answers and errors, and takes what stands in them for ours. So whatever is read goes through `untrusted`
at the door: what can be no identifier is of a class whose every printing is its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 64
"""Characters of a name that are shown."""
# Beyond which no config has a field that is read; Python prints no deeper than its stack.
_DEEPEST = 100
_LETTERS = re.compile(r"[A-Za-z0-9_./:+@*~-]*")


class Untrusted(str):
    """A text that can be no identifier, or a part of one: compared and matched as it is, printed as its length.

    Of one that is only too long the begin is printed.
    """

    __slots__ = ()

    def __str__(self) -> str:
        if len(self) > LONGEST and _LETTERS.fullmatch(self):
            return f"{str.__getitem__(self, slice(LONGEST - 1))}…"
        return f"(a text of {len(self):,} characters)"

    def __repr__(self) -> str:
        said = self.__str__()
        return said if said.startswith("(") else f"'{said}'"

    def __format__(self, form: str) -> str:
        return format(self.__str__(), form)


def _still(name: str) -> Callable[..., Any]:
    """A method of texts whose result is as little to be trusted."""

    def run(text: Untrusted, *given: Any) -> Any:
        found = raw(given[0]) + raw(text) if name == "__radd__" else getattr(raw(text), name)(*given)
        return Untrusted(found) if isinstance(found, str) else type(found)(map(Untrusted, found))

    return run


for _name in (
    *("__add__", "__radd__", "__getitem__", "__mod__", "lower", "upper", "strip", "lstrip", "rstrip", "removeprefix"),
    *("removesuffix", "replace", "split", "rsplit", "partition", "rpartition", "splitlines", "casefold", "title"),
):
    setattr(Untrusted, _name, _still(_name))


def raw(text: str) -> str:
    """The text itself, for what is matched with it and never shown."""
    return str.__str__(text)


def untrusted(value: Any, depth: int = 0) -> Any:
    """The same value with every text in it, names of fields too, either an identifier or Untrusted.

    What is nested more deeply than any config is left out, and is null.
    """
    if isinstance(value, str):
        return raw(value) if len(value) <= LONGEST and _LETTERS.fullmatch(value) else Untrusted(value)
    if isinstance(value, Mapping):
        if depth == _DEEPEST:
            return None
        return {untrusted(key): untrusted(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        if depth == _DEEPEST:
            return None
        kind = type(value) if type(value) in (list, tuple, set, frozenset) else list
        return kind([untrusted(one, depth + 1) for one in value])
    return value
