"""Answers of one question for several accelerators, of which what is alike is said once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

_LEAST = 60
"""Characters that an ellipsis may stand for: what is shorter says what a line is of (mends, borderline, fewest)."""
_CLAUSE = re.compile(r"(?<=[,;:.]) ")


def beside_first(texts: Mapping[str, str]) -> str:
    """Of each the first line and what it does not have in common with all others, which stands at the end; of others
    than the first without the clauses that the first has too."""
    lines = {one: text.splitlines() for one, text in texts.items()}
    first, *others = lines.values()
    # the head of a table stands over its rows
    common = [line for line in first[1:] if " | " not in line and all(line in other[1:] for other in others)]
    blocks: list[str] = []
    for one, (head, *rest) in lines.items():
        own = [line for line in rest if line not in common]
        if blocks:
            own = [_differing(line, first) for line in own]
        blocks.append("\n".join((f"{one}: {head}", *own)))
    if common:
        blocks.append("\n".join(("Of each:", *common)))
    return "\n\n".join(blocks)


def told_once(structures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Fields that have one value in all of the answers beside `of_each`, which has the others."""
    first, *others = structures.values()
    alike = {
        name: value
        for name, value in first.items()
        if others and all(name in other and other[name] == value for other in others)
    }
    each = {
        one: {name: value for name, value in structure.items() if name not in alike}
        for one, structure in structures.items()
    }
    return {**alike, "of_each": each}


def _differing(line: str, known: list[str]) -> str:
    """A line without the clauses with which it begins and ends as the known line does that is most like it."""
    clauses = _CLAUSE.split(line)
    begin, end = max((_alike(clauses, _CLAUSE.split(other)) for other in known), key=sum)
    before, after = " ".join(clauses[:begin]), " ".join(clauses[len(clauses) - end :])
    kept = clauses[begin : len(clauses) - end]
    before = "…" if len(before) >= _LEAST else before
    after = "…" if len(after) >= _LEAST else after
    return " ".join(part for part in (before, *kept, after) if part)


def _alike(clauses: list[str], other: list[str]) -> tuple[int, int]:
    """How many clauses two lines have alike at their begin, and how many further ones at their end."""
    begin = _same(clauses, other)
    return begin, min(_same(clauses[::-1], other[::-1]), len(clauses) - begin, len(other) - begin)


def _same(clauses: list[str], other: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(clauses, other, strict=False)))
