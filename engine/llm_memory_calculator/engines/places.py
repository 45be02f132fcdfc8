"""Laws of places: each answer remembered, and of places side by side those of all as one of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, Protocol, TypeVar

from ..stacks import stacked
from .base import Place

_Answer = TypeVar("_Answer")


class _Made(Protocol):
    def __call__(self, law: Callable[[Any, Place], _Answer], /) -> Callable[[Any, Place], _Answer]: ...


def by_place(alike: Callable[[Sequence[Any]], Sequence[Any]] = lambda answers: answers) -> _Made:
    """A law of an engine at a place that hangs on no load; alike: what makes the answers of places differ in numbers
    alone."""

    def made(law: Callable[[Any, Place], _Answer]) -> Callable[[Any, Place], _Answer]:
        known = lru_cache(maxsize=8192)(law)

        @lru_cache(maxsize=256)
        def side_by_side(place: Place) -> _Answer:
            answers: Sequence[_Answer] = alike([known(engine, one) for engine, one in place.members])
            return stacked(answers, place.where)

        @wraps(law)
        def answer(engine: Any, place: Place) -> _Answer:
            return side_by_side(place) if place.members else known(engine, place)

        return answer

    return made
