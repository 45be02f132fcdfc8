"""How like two words of hardware names are: by family, by size, by generation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

__all__ = ["alike"]

_LOOKS_LIKE: Final = str.maketrans("oil", "011")
_SPELT: Final = 0.7  # words whose letters agree less are no slip of one another
_OTHER: Final = 0.6  # what another word is worth, where the same one is worth 1
_NUMBER: Final = re.compile(r"\d+")


def alike(word: str, others: Iterable[str]) -> dict[str, float]:
    """Those of the others that are like a word, with 1 for the same and less for less likeness.

    A digit and the letter that looks like it are the same. ``M6`` is like ``M5``, and ``7742`` more like ``7763`` than
    like ``9754``; a word without a number is not like one that has some.
    """
    matcher = SequenceMatcher(b=word.translate(_LOOKS_LIKE), autojunk=False)
    found = {}
    for other in others:
        if other.translate(_LOOKS_LIKE) == word.translate(_LOOKS_LIKE):
            found[other] = 1.0
            continue
        if word.isalpha() and not other.isalpha():
            continue
        if word[:1].isalpha() != other[:1].isalpha() and _NUMBER.findall(word) != _NUMBER.findall(other):
            continue  # an H1000 is no 10400
        near = 0.0 if word.isalpha() else _as_numbers(word, other)
        matcher.set_seq1(other.translate(_LOOKS_LIKE))
        if matcher.real_quick_ratio() > near and matcher.quick_ratio() > near:
            near = max(near, matcher.ratio())
        if near >= _SPELT:
            found[other] = near * _OTHER
    return found


def _as_numbers(word: str, other: str) -> float:
    """How near the numbers are in words that have the same letters around one number each; 0 for others.

    Of four digits, the first two are the generation and the last two the size in it: 5090 is like 4090.
    """
    if _NUMBER.sub("#", word) != _NUMBER.sub("#", other):
        return 0.0
    first, second = (found[0] for one in (word, other) if (found := _NUMBER.findall(one)))
    if len(first) != 4 or len(second) != 4:
        return _share(int(first), int(second))
    return (_share(int(first[:2]), int(second[:2])) + 1 - abs(int(first[2:]) - int(second[2:])) / 100) / 2


def _share(first: int, second: int) -> float:
    return min(first, second) / max(first, second, 1)
