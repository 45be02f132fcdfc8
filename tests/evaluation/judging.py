"""How an answer's text is judged: the words that it must say, and the numbers within ranges from outside."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTIONS = Path(__file__).with_name("questions.toml")
_NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
_KINDS = ({"MB": 1e6, "GB": 1e9, "TB": 1e12, "MiB": 2**20, "GiB": 2**30}, {"ms": 1e-3, "s": 1.0})
"""Units of one kind, in any of which a text may say what a source says in another."""
_VAGUE = 4.0
"""Ends of a range further apart than half an estimate and twice it: too little is said to be right."""
_REPEATED = 0.02
"""Two people's runs of one setup differ by so much (58.8 and 59.5 tokens/s of the same recipe)."""


def _number(written: str) -> float:
    return float(written.replace(",", ""))


def _kind(unit: str) -> Mapping[str, float]:
    """The units of this one's kind, with how much each is."""
    return next((kind for kind in _KINDS if unit in kind), {unit: 1.0})


def _units(unit: str) -> str:
    """A pattern of the units of this one's kind, as a group."""
    return f"(?:({'|'.join(map(re.escape, _kind(unit)))})(?![A-Za-z]))"


def _in(unit: str, number: float, said: str) -> float:
    """A number that the text says in `said`, in the source's `unit`."""
    return number * _kind(unit)[said] / _kind(unit)[unit]


def _after(words: str, text: str) -> str:
    """The rest of the text after these words, all of it after none; empty where it has them not."""
    return text.partition(words)[2] if words else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A number that the text must have: the first in `unit` after the words `after`, between `low` and `high`."""

    after: str
    unit: str
    low: float
    high: float

    def missed(self, text: str) -> str | None:
        found = re.search(rf"{_NUMBER}\s*{_units(self.unit)}", _after(self.after, text))
        said = None if found is None else _in(self.unit, _number(found[1]), found[2])
        if said is not None and self.low <= said <= self.high:
            return None
        return f"{said} {self.unit} after {self.after!r}, and {self.low:g} to {self.high:g} is right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What somebody measured, which the first range of an estimate in `unit` after the words `after` must contain."""

    after: str
    unit: str
    measured: float

    def missed(self, text: str) -> str | None:
        unit = _units(self.unit)
        said = re.search(rf"{unit}[^(;\n]*\({_NUMBER}\s*{unit}?\s*to\s*{_NUMBER}\s*{unit}?\)", _after(self.after, text))
        if said is None:
            return f"no range in {self.unit} after {self.after!r}"
        low, high = (_in(self.unit, _number(said[n]), said[n + 1] or said[1]) for n in (2, 4))
        if high > _VAGUE * low:
            return f"{low:g} to {high:g} {self.unit}, which says little"
        if not low * (1 - _REPEATED) <= self.measured <= high * (1 + _REPEATED):
            return f"{low:g} to {high:g} {self.unit} after {self.after!r}, and {self.measured:g} was measured"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that somebody asked, as an assistant puts it to a tool, and what a right answer says."""

    asks: str
    source: str
    """Where it was asked, and where the numbers are from."""
    tool: str
    arguments: Mapping[str, Any]
    says: tuple[str, ...] = ()
    """Patterns that the text has."""
    numbers: tuple[Wanted, ...] = ()
    contains: tuple[Measured, ...] = ()
    fails: str | None = None
    """Why the answer is wrong today, where it is."""

    def missed(self, text: str) -> list[str]:
        """What of it the text does not say."""
        words = [f"no {pattern!r}" for pattern in self.says if re.search(pattern, text) is None]
        numbers = [missed for wanted in (*self.numbers, *self.contains) if (missed := wanted.missed(text)) is not None]
        return words + numbers


def questions() -> Iterator[Asked]:
    for entry in tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["question"]:
        yield Asked(
            **{
                **entry,
                "says": tuple(entry.get("says", ())),
                "numbers": tuple(Wanted(**wanted) for wanted in entry.get("numbers", ())),
                "contains": tuple(Measured(**measured) for measured in entry.get("contains", ())),
            }
        )
