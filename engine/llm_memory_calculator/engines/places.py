"""Laws of places: each answer remembered, and of places side by side those of all as one of arrays.

What an engine says of a load is a formula over such answers, in words of `units`, so that it takes one place or several
side by side. What a device caches is such an answer too: the layers whose caches grow alike, and how much each keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from ..stacks import stacked
from ..work import looked
from .base import Place, Standing

if TYPE_CHECKING:
    from ..operators import Operator
    from ..units import Quantity
    from .base import Engine

_Answer = TypeVar("_Answer")

_MOST_FIRST = 4096
_FIRST: dict[Hashable, Engine] = {}


@lru_cache(maxsize=4096)
def stand_in(engine: Engine) -> Engine:
    """The first engine that answers laws of places as this one does: most cards differ in nothing that they ask."""
    if len(_FIRST) >= _MOST_FIRST:
        _FIRST.pop(next(iter(_FIRST)))
    return _FIRST.setdefault(engine.at_places, engine)


_Told = ParamSpec("_Told")


class _Made(Protocol):
    def __call__(
        self, law: Callable[Concatenate[Any, Place, _Told], _Answer], /
    ) -> Callable[Concatenate[Any, Place, _Told], _Answer]: ...


def by_place(
    alike: Callable[[Sequence[Any]], Sequence[Any]] = lambda answers: answers, *, of_cache: bool = False
) -> _Made:
    """A law of an engine at a place that hangs on no load, but on what else it is told; alike: what makes the answers
    of places differ in numbers alone; of_cache: it asks of an engine what `at_caches` says alone."""

    def made(
        law: Callable[Concatenate[Any, Place, _Told], _Answer],
    ) -> Callable[Concatenate[Any, Place, _Told], _Answer]:
        known: Callable[..., _Answer] = lru_cache(maxsize=4096)(law)

        @lru_cache(maxsize=2048)
        def side_by_side(place: Place, *told: Hashable) -> _Answer:
            members, where = _by_cache(place) if of_cache else (place.members, place.where)
            answers: Sequence[_Answer] = alike([known(engine, one, *told) for engine, one in looked(members)])
            return stacked(answers, where)

        @wraps(law)
        def answer(engine: Any, place: Place, *told: Hashable) -> _Answer:
            return side_by_side(place, *told) if place.members else known(engine, place, *told)

        return cast("Callable[Concatenate[Any, Place, _Told], _Answer]", answer)

    return made


@lru_cache(maxsize=256)
def _by_cache(place: Place) -> tuple[tuple[tuple[Engine, Place], ...], Any]:
    """Places side by side as laws of a cache tell them apart, and which of these each is."""
    import numpy

    firsts: dict[Hashable, Engine] = {}
    found: dict[tuple[Engine, Place], int] = {}
    engines = dict.fromkeys(engine for engine, _ in place.members)
    first = {engine: firsts.setdefault(engine.at_caches, engine) for engine in engines}
    index = [found.setdefault((first[engine], one), len(found)) for engine, one in place.members]
    return tuple(found), numpy.array(index)[place.where]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Layers of a device whose caches grow alike, by how much each of them has of something."""

    operator: Operator
    """One of them, which says how many entries there are."""
    total: Quantity
    """Over all of them."""
    most: Quantity
    """Of the layer that has most."""


def by_growth(sizes: Iterable[tuple[Quantity, Operator, float]]) -> tuple[Layers, ...]:
    """(how many layers, operator, size) of a place by how their caches grow."""
    found: dict[str, Layers] = {}
    for layers, operator, size in sizes:
        key = str(_growth(operator))
        known = found.get(key)
        total, most = layers * size, size
        if known is not None:
            operator, total, most = known.operator, known.total + total, max(known.most, most)
        found[key] = Layers(operator=operator, total=total, most=most)
    # in one order, whatever the order of the layers, so that sums are the same to the last digit
    return tuple(found[key] for key in sorted(found))


def _growth(operator: Operator) -> Hashable:
    law = operator.cache_law()
    return (operator.caches, *(() if law is None else (law.growth, law.reach, law.ratio, law.kind)))


def growing_alike(answers: Sequence[tuple[Layers, ...]]) -> list[tuple[Layers, ...]]:
    """The same with layers of every growth in all, none of those that one has not."""
    every = {str(_growth(one.operator)): one.operator for answer in answers for one in answer}
    sizes = [{str(_growth(one.operator)): (one.total, one.most) for one in answer} for answer in answers]
    found = []
    for here in sizes:
        there = ((every[key], *here.get(key, (0, 0))) for key in sorted(every))
        found.append(tuple(Layers(operator=operator, total=total, most=most) for operator, total, most in there))
    return found


@by_place(growing_alike, of_cache=True)
def caching(engine: Engine, place: Place) -> tuple[Layers, ...]:
    """Bytes of an entry of what a device caches, by how it grows."""
    return by_growth(
        (layers, operator, engine.entry_bytes(operator.cached_entry(), place.formats))
        for layers, operator in place.holding.caching
    )


@by_place(growing_alike, of_cache=True)
def cached_values(_: Engine, place: Place) -> tuple[Layers, ...]:
    """Values of an entry of what a device caches, by how it grows."""
    return by_growth(
        (layers, operator, sum(values for _, values in operator.cached_entry()))
        for layers, operator in place.holding.caching
    )


@by_place(lambda answers: [replace(one, loaded_why="") for one in answers])
def standing(engine: Engine, place: Place) -> Standing:
    """What an engine holds on a device whatever it is asked to serve."""
    return engine.standing(place)
