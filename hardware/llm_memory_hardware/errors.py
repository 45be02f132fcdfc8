"""The exceptions of the project's lowest room, and the search for what a misspelt word may have meant.

    ValueError
    └── CalculatorError              everything that a caller can mend
        ├── UnknownHardwareError     a name that no accelerator of the catalogue has (also a KeyError)
        ├── AmbiguousHardwareError   a name that several accelerators share (also a KeyError)
        └── InvalidHardwareError     a description that is incomplete, misspelt or impossible

An error says what was given, what is accepted, what it may have meant and what to do next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = [
    "AmbiguousHardwareError",
    "CalculatorError",
    "InvalidHardwareError",
    "UnknownHardwareError",
    "kind_of",
    "nearest",
    "shown",
]

_MOST_SHOWN = 120
# Characters of a word that are compared: no name has as many.
_LONGEST = 200
_BEYOND_PRINT = "a number of more digits than Python prints"
_SEPARATORS = re.compile(r"[\s\-_./()]+")


class CalculatorError(ValueError):
    """Base of every error that a caller can mend by changing what was given."""


class _NameError(CalculatorError, KeyError):
    """A name that is no key of the catalogue; a KeyError, as a mapping's users expect."""

    def __str__(self) -> str:
        """The message itself (a KeyError alone would show it in quotes)."""
        return str(self.args[0]) if self.args else ""


class UnknownHardwareError(_NameError):
    """No accelerator of the catalogue has the name; also a KeyError."""


class AmbiguousHardwareError(_NameError):
    """Several accelerators share the name, and they differ in what is asked of them; also a KeyError."""

    def __init__(self, message: str, *, name: str = "", meant: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        """What was given."""
        self.meant = meant
        """The names, with counts, that each mean one of them; empty where some have no name of their own."""


class InvalidHardwareError(CalculatorError):
    """A description of hardware is incomplete, misspelt, of the wrong type or physically impossible."""


def nearest(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices most like ``word`` in their original spelling, best first; case and separators do not count."""
    import difflib  # takes as long to load as the whole package, and only an error asks for it

    spellings: dict[str, str] = {}
    for choice in choices:
        spellings.setdefault(_SEPARATORS.sub("", choice.lower()), choice)
    sought = _SEPARATORS.sub("", word[:_LONGEST].lower())
    found = difflib.get_close_matches(sought, spellings, n=count, cutoff=0.5)
    return [spellings[key] for key in found]


def shown(value: object) -> str:
    """What was given, for an error's sentence: on one line, as far as a reader looks at it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _shown_whole(value)
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        return _BEYOND_PRINT
    except RecursionError:
        return "nested more deeply than Python prints"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def kind_of(value: object) -> str:
    """What kind of value was given, for an error's sentence: as every interface calls it, a class by its name."""
    return next((said for kind, said in _KINDS if isinstance(value, kind)), f"of type {type(value).__name__}")


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "nothing"),
    (bool, "a yes or no"),
    ((int, float), "a number"),
    (str, "text"),
    ((list, tuple), "a list"),
    (Mapping, "an object"),
)


def _shown_whole(number: int) -> str:
    if abs(number) < 10**15:
        return f"{number:,}"
    try:
        return f"a number of {len(str(abs(number)))} digits"
    except ValueError:
        return _BEYOND_PRINT
