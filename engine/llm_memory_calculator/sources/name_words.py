"""The words of a model's name: sizes, versions, training, and the words that tell a family from others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache

from ..facts import table

_WORD = re.compile(
    r"\d+x\d+(?:\.\d+)?b"  # 8x7b
    r"|\d+b\d(?!\d)"  # 1b5
    r"|[ae]?\d+(?:\.\d+)?[bmt](?![a-z])"  # 70b, a3b, e4b, 1t
    r"|\d+[ke](?![a-z])"  # 128k, 16e
    r"|v\d+(?:\.\d+)*|\d+(?:\.\d+)*|[a-z]+"
)
_SIZE = re.compile(r"\d+x\d+(?:\.\d+)?b|\d+b\d|[ae]?\d+(?:\.\d+)?[bmt]")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*")
_LENGTH = re.compile(r"\d+k")
_BETWEEN = re.compile(r"[\s()\[\]{},;:+|\"'=/~]+")
_BILLIONS = re.compile(r"(?<=\d)[- ]?(?:billions?|bn)\b")
# r+ is what its maker's repository calls r-plus
_PLUS = re.compile(r"(?<![a-z\d])([a-z])\+(?!\w)")
# starcoderbase
_BASE = re.compile(r"(?<=[a-z]{4})base(?![a-z])")
_WHOLE = {"b": 1e9, "m": 1e6, "t": 1e12}


def words_of(text: str) -> tuple[str, ...]:
    """The words in their order, in small letters; 2_5 is 2.5."""
    return tuple(match[0] for match in _found(text))


def _found(text: str) -> Iterator[re.Match[str]]:
    text = re.sub(r"(?<=\d)_(?=\d)", ".", text.lower())
    return _WORD.finditer(_BASE.sub("-base", text))


def heads_of(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """The versions that are no whole words, each with the words that it ends, as they are compared: v1-5, img2vid."""
    heads: dict[str, set[str]] = {}
    whole = set()
    before: re.Match[str] | None = None
    for match in _found(text):
        if is_version(match[0]):
            if before is not None and _ends(before, match):
                heads.setdefault(key_of(match[0]), set()).add(key_of(before[0]))
            else:
                whole.add(key_of(match[0]))
        before = match
    return tuple((one, frozenset(words)) for one, words in heads.items() if one not in whole)


def _ends(before: re.Match[str], match: re.Match[str]) -> bool:
    """Whether a version is the end of the word before it, or the second digit of one (1-5)."""
    between = match.string[before.end() : match.start()]
    if between == "":
        return before[0].isalpha() and before[0] not in harmless()
    return between == "-" and len(match[0]) == 1 and re.fullmatch(r"v?\d", before[0]) is not None


def hyphenated(text: str) -> str:
    """A name as a user writes it, with one hyphen where spaces, brackets and other marks stood."""
    text = _PLUS.sub(r"\1-plus", text.strip().lower())
    return _BETWEEN.sub("-", _BILLIONS.sub("b", text)).strip("-")


def is_size(word: str) -> bool:
    return _SIZE.fullmatch(word) is not None


def is_version(word: str) -> bool:
    return _VERSION.fullmatch(word) is not None


def is_length(word: str) -> bool:
    """Whether the word is a context's length, such as 128k."""
    return _LENGTH.fullmatch(word) is not None


def key_of(word: str) -> str:
    """The word as it is compared: v2.0 is 2."""
    return re.sub(r"(?:\.0)+$", "", word.removeprefix("v")) if is_version(word) else word


def count_of(size: str) -> float:
    """Parameters of a size in words (8x7b is 56 billion, 1b5 is 1.5)."""
    if size[-1].isdigit():
        size = size.replace("b", ".") + "b"
    unit = _WHOLE[size[-1]]
    return unit * math.prod(float(number) for number in size[:-1].lstrip("ae").split("x"))


def core_of(text: str) -> tuple[str, ...]:
    """The words that tell a model from others; "base" is one where nothing else says the size (bge-base)."""
    words = words_of(text)
    sized = any(is_size(word) for word in words)
    return tuple(word for word in words if word not in harmless() or (word == "base" and not sized))


@cache
def harmless() -> frozenset[str]:
    return frozenset(table("names")["harmless"])


@cache
def strange() -> frozenset[str]:
    return frozenset(table("names")["strange"])


@cache
def general() -> frozenset[str]:
    """Words that many families share, so that they name none."""
    return frozenset(table("names")["general"])


@cache
def abbreviated() -> Mapping[str, str]:
    """What short words stand for, with hyphens between its words."""
    found: dict[str, str] = table("names")["abbreviated"]
    return found


def with_word(text: str, word: str, other: str) -> str:
    """The name with another word in the place of one."""
    return re.sub(rf"(?<![a-z]){word}(?![a-z])", other, text)


@cache
def prefixes() -> frozenset[str]:
    """What makers set before the names of their models."""
    return frozenset(table("names")["prefixes"])


@cache
def fillers() -> frozenset[str]:
    return frozenset(table("names")["fillers"])


@cache
def makers_of(organisation: str) -> frozenset[str]:
    """The words by which users name who made a model, and what they set before its name."""
    facts = table("names")["makers"]
    own = re.findall("[a-z]+", organisation.lower())
    return frozenset((*own, "".join(own), *facts.get(organisation.lower(), ())))


def is_near(one: str, other: str) -> bool:
    """Whether one letter was left out, added or mistaken, or two changed places."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    short, long = sorted((one, other), key=len)
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return swapped or short[at + 1 :] == long[at + 1 :]
