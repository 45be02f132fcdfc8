"""Which of many candidates are worth telling: the best by a goal, and those that no other beats in all respects.

Candidates come in chunks of arrays; of each chunk only what may still be told is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cells import rounded

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

# Bins of latency: 8 of each power of two, from a quarter on (1,023 is the exponent of 1, before 52 bits of fraction).
_DROPPED, _FIRST_BIN, _BINS = 52 - 3, (1023 - 2) * 8, 14 * 8
# Costs that are told apart before the last look.
_TIERS = 16
# How far above the last of the best a score may lie before it is rounded.
_NEAR = 1e-8
# Candidates over those wanted at which the others are thrown away.
_SLACK = 8


def unbeaten(latency: Array, rate: Array, cost: Array, group: Array) -> Array:
    """The indices of the candidates of each group that no other of it equals or beats in all three: a lower latency, a
    higher rate, a lower cost; of those equal in all three the first. By group, then the lowest latency first.
    """
    import numpy

    ordered = numpy.lexsort((cost, -rate, latency, group))
    # ranks of rates above all those of the groups before, so that the highest so far is of the same group
    keys = (_ranks(group) * (len(rate) + 1) + _ranks(rate) + 1)[ordered]
    levels = _ranks(cost)[ordered]
    by_level = numpy.argsort(levels, kind="stable")
    ends = numpy.flatnonzero(numpy.diff(levels[by_level], append=-1)) + 1
    kept, begin = by_level[:0], 0
    for end in ends.tolist():
        there = numpy.sort(numpy.concatenate((kept, by_level[begin:end])))
        highest = numpy.maximum.accumulate(keys[there])
        before = numpy.concatenate(([0], highest[:-1]))
        kept = there[(levels[there] < levels[by_level[begin]]) | (keys[there] > before)]
        begin = end
    found: Array = ordered[kept]
    return found


def _ranks(values: Array) -> Array:
    """From 0 for the least, the same for equal ones."""
    import numpy

    ordered = numpy.argsort(values, kind="stable")
    ranks = numpy.empty(len(values), dtype=numpy.int64)
    sorted_values = values[ordered]
    ranks[ordered[:1]] = 0
    ranks[ordered[1:]] = numpy.cumsum(sorted_values[1:] > sorted_values[:-1])
    return ranks


class _Kept:
    """Candidates of all chunks so far: the number of the chunk, the flat index in it, and what they are compared by."""

    def __init__(self, numbers: int) -> None:
        self._numbers = numbers
        self._parts: list[tuple[Array, ...]] = []
        self.count = 0

    def add(self, chunk: int, where: Array, *numbers: Array) -> None:
        import numpy

        self._parts.append((numpy.full(len(where), chunk), where, *numbers))
        self.count += len(where)

    @property
    def columns(self) -> tuple[Array, ...]:
        import numpy

        if not self._parts:
            return tuple(numpy.zeros(0, dtype=numpy.intp) for _ in range(2 + self._numbers))
        return tuple(numpy.concatenate(column) for column in zip(*self._parts, strict=True))

    def keep(self, chosen: Array) -> None:
        self._parts, self.count = [tuple(column[chosen] for column in self.columns)], len(chosen)


class Best:
    """The best by a score, smaller is better; of those equal in it the one that is less in what else it is given by."""

    def __init__(self, most: int, ties: int) -> None:
        self._most, self._bound = most, float("inf")
        self._kept = _Kept(1 + ties)

    def add(self, chunk: int, wanted: Array, score: Array, *ties: Any) -> None:
        """Candidates in the shape of `wanted`, which says which of them count."""
        import numpy

        where = numpy.flatnonzero(wanted & (score <= self._bound))
        if not len(where):
            return
        scores = numpy.broadcast_to(score, wanted.shape)[numpy.unravel_index(where, wanted.shape)]
        if len(where) > self._most:
            last = numpy.partition(scores, self._most - 1)[self._most - 1]
            near = scores <= _above(last)
            where, scores = where[near], scores[near]
        there = numpy.unravel_index(where, wanted.shape)
        self._kept.add(chunk, where, scores, *(numpy.broadcast_to(tie, wanted.shape)[there] for tie in ties))
        if self._kept.count > _SLACK * self._most:
            self._settle()

    def _settle(self) -> None:
        import numpy

        _, _, score, *ties = self._kept.columns
        # the last key is the first that counts
        chosen = numpy.lexsort((*reversed(ties), rounded(score)))[: self._most]
        self._kept.keep(chosen)
        if len(chosen) == self._most:
            self._bound = _above(float(score[chosen[-1]]))

    def found(self) -> list[tuple[int, int]]:
        """(chunk, flat index in it), the best first."""
        if self._kept.count:
            self._settle()
        chunks, where, *_ = self._kept.columns
        return list(zip(chunks.tolist(), where.tolist(), strict=True))


def _above(value: float) -> float:
    return value + abs(value) * _NEAR


def _bins(values: Array) -> Array:
    """A number that grows with a positive value as its logarithm does: the first bits of a float64 are its power of two
    and how far it is on the way to the next."""
    import numpy

    found: Array = numpy.ascontiguousarray(values).view(numpy.int64) >> _DROPPED
    found -= _FIRST_BIN
    return numpy.clip(found, 0, _BINS - 1, out=found)


class Front:
    """Of each group the candidates that no other beats in latency, rate and cost (`unbeaten`).

    Most are thrown out at once, by a table of the highest rate that anything no dearer reached at a latency of a bin
    below.
    """

    def __init__(self, groups: int, costs: Array, told: int) -> None:
        """costs: all that there will be; told: how many numbers are kept of each beside those that it is compared by"""
        import numpy

        levels = numpy.unique(costs)
        picked = numpy.linspace(0, len(levels) - 1, _TIERS).astype(int)
        self._tiers = numpy.unique(levels[picked])
        self._highest = numpy.zeros((len(self._tiers), groups, _BINS))
        self._beaten = self._highest.reshape(-1)
        self._kept, self._settled = _Kept(4 + told), 0

    def add(
        self, chunk: int, wanted: Array, latency: Array, rate: Array, cost: Array, group: Array, *told: Array
    ) -> None:
        """Candidates in the shape of `wanted`, which says which of them count; costs and groups are of fewer axes."""
        import numpy

        shape, of_tier = wanted.shape, self._highest.shape[1] * _BINS
        bins = _bins(latency)
        # the dearest tier that is no dearer than it, and the cheapest that is no cheaper
        below = (numpy.searchsorted(self._tiers, cost, side="right") - 1) * of_tier
        above = numpy.searchsorted(self._tiers, cost, side="left") * of_tier
        bins += group * _BINS
        bins += below
        where = numpy.flatnonzero(wanted & (rate > self._beaten.take(bins)))
        if not len(where):
            return
        there = numpy.unravel_index(where, shape)
        rates, below_them = numpy.broadcast_to(rate, shape)[there], bins.reshape(-1)[where]
        numpy.maximum.at(self._highest.reshape(-1), below_them + numpy.broadcast_to(above - below, shape)[there], rates)
        if len(where) > _NEW:
            # once more, against those of the same chunk
            self._see()
            left = rates > self._beaten.take(below_them)
            where, rates, there = where[left], rates[left], tuple(axis[left] for axis in there)
        latencies, costs, groups, *others = (
            numpy.broadcast_to(one, shape)[there] for one in (latency, cost, group, *told)
        )
        self._kept.add(chunk, where, latencies, rates, costs, groups, *others)
        if self._kept.count > _MOST_KEPT + 2 * self._settled:
            self._settle()

    def _see(self) -> None:
        """Take what was kept so far into the table."""
        import numpy

        highest = numpy.maximum.accumulate(numpy.maximum.accumulate(self._highest, axis=2), axis=0)
        beaten = numpy.zeros_like(highest)
        beaten[:, :, 1:] = highest[:, :, :-1]
        self._beaten = beaten.reshape(-1)

    def _settle(self) -> None:
        import numpy

        # what came later than some of them is in the table by now
        self._see()
        _, _, latency, rate, cost, group, *_ = self._kept.columns
        tier = numpy.searchsorted(self._tiers, cost, side="right") - 1
        places = _bins(latency) + (tier * self._highest.shape[1] + group.astype(numpy.intp)) * _BINS
        self._kept.keep(numpy.flatnonzero(rate > self._beaten.take(places)))
        _, _, latency, rate, cost, group, *_ = self._kept.columns
        self._kept.keep(unbeaten(latency, rate, cost, group))
        self._settled = self._kept.count

    def found(self) -> tuple[Array, ...]:
        """Columns of chunk, flat index in it, latency, rate, cost, group and what else is told, by group, then the
        lowest latency first."""
        if self._kept.count:
            self._settle()
        return self._kept.columns


# Candidates at which those that are beaten are thrown away, and those of a chunk with which the table is made anew.
_MOST_KEPT, _NEW = 400_000, 5_000
