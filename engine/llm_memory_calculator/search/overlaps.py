"""Which of several ranges overlap, so that the evidence does not tell what is better."""

from __future__ import annotations

from collections.abc import Sequence

Ends = tuple[float, float]


def overlapping(ranges: Sequence[Ends | None]) -> list[tuple[int, ...]]:
    """Of each range the others that it overlaps, counted from 1; none of what has no range."""
    return [
        tuple(
            number
            for number, other in enumerate(ranges, 1)
            if other is not one and one is not None and other is not None and _meet(one, other)
        )
        for one in ranges
    ]


def _meet(one: Ends, other: Ends) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
