"""The best of many candidates by some order, with as few of them served event by event as can be.

Three things are known of a candidate, each nearer to the truth and dearer: what the steady state allows at best, what
requests that come by chance meet in it, what the simulation says. The best by what is known is looked at more closely
until the best is a simulated one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from ..deployment import MOST_OF_A_RATE, requests_of
from ..errors import CalculatorError
from ..memory import verdict_of
from ..performance.reports import served_interval
from ..performance.serving import served

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..performance.serving import Outcome
    from ..report import Interval, Meets
    from .points import Candidate, Level, Targets

# Candidates that are simulated for an order by what is expected, and half as many by what may be better: many for two
# of the six orders. Most share them and end early, with some twenty in all; with fewer the cheapest is missed more
# often. Simulations of all of them: of some more than one number of copies is asked.
MANY, FEW, _SIMULATED = 10, 3, 120
# Requests of a copy by which a rate is tried before all of a minute are simulated.
_BRIEF = 3000
# Of its target a time by chance may take so much for a simulation to be tried: a minute of requests near saturation
# meets less than the chain that goes on for ever.
_HOPEFUL = 2.0
# The share of a rate within which the highest is looked for, and the first steps from what is expected.
_NEAR, _STEP = 1.02, 1.08
# Halvings of the span in which the highest rate by chance is looked for.
_HALVINGS = 12
# Turns until the rate of users who think agrees with the time that they wait, and how well.
_TURNS, _AGREED = 4, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a candidate."""

    count: int
    """Of it, those to spare left out."""
    rate: float
    """Requests a second of all; 0 where it is given."""
    each: float
    """Seconds a token."""


Key = Callable[["Candidate", Known], Any]
# How often a candidate is looked at: by the steady state, by chance, simulated.
_TOLD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A deployment that was simulated."""

    candidate: Candidate
    known: Known
    deployment: Deployment
    """With copies to spare."""
    load: Load
    """Where a highest rate was looked for, or users think: at the rate that was found."""
    outcome: Outcome
    ttft: float
    """Seconds, at the percentile of the targets."""
    tpot: float | None
    ttft_interval: Interval
    """Milliseconds."""
    tpot_interval: Interval | None
    meets: Meets
    """surely: the upper ends too, and the rate where all is as slow; likely: the estimates; perhaps: a lower end."""

    @property
    def devices(self) -> int:
        return self.deployment.layout.devices

    @property
    def cost(self) -> float | None:
        """US dollars an hour of all."""
        price = self.candidate.offer.price
        return None if price is None else round(price * self.devices, 4)


# The words by the end of a range that keeps the targets: the lower, the estimate, the upper.
_WORDS: tuple[Meets, ...] = ("perhaps", "likely", "surely")
RANKS: dict[str, int] = {"no": 0, "perhaps": 0, "likely": 1, "surely": 2}


@dataclass(slots=True)
class Finalists:
    """Candidates, and what became of those that were simulated."""

    load: Load
    targets: Targets
    guesses: dict[tuple[int, Level, float], Known | None] = field(default_factory=dict)
    settled: dict[tuple[int, Level], Planned | None] = field(default_factory=dict)
    left: int = 0
    """Candidates that may yet be simulated."""
    seen: dict[tuple[int, int, float, int], Planned | None] = field(default_factory=dict)

    def best(self, candidates: Sequence[Candidate], level: Level, key: Key, most: int = FEW) -> Planned | None:
        """The least of them by a key, of those that keep the targets at a level; most: that may be simulated for it."""
        found = None
        # first by what is expected, then what may be better than that
        for share, left in ((1.0, most), (_HOPEFUL, most // 2)):
            self.left = left
            found = self._first(candidates, level, key, share) or found
        # what was simulated for another order may be better than it was expected to be
        among = {id(one) for one in candidates}
        others = [
            one
            for one in self.settled.values()
            if one is not None and id(one.candidate) in among and RANKS[one.meets] >= RANKS[level]
        ]
        return min((one for one in (found, *others) if one is not None), key=_keyed(key), default=None)

    def _first(self, candidates: Sequence[Candidate], level: Level, key: Key, share: float) -> Planned | None:
        """The first that is simulated to be better than all others may be; share: of its target that a time by chance
        may be expected to take."""
        heap: list[tuple[Any, int, int]] = []
        for number, one in enumerate(candidates):
            if one.fewest[level]:
                at_best = Known(
                    count=one.fewest[level], rate=one.most[level] * one.fewest[level], each=float(one.copy.tpot[0])
                )
                heap.append((key(one, at_best), number, 0))
        heapify(heap)
        while heap:
            _, number, told = heappop(heap)
            one = candidates[number]
            if told == _TOLD:
                return self.settled[id(one), level]
            known = self.guess(one, level, share) if told == 0 else self._settled_known(one, level)
            if known is not None:
                heappush(heap, (key(one, known), number, told + 1))
        return None

    def _settled_known(self, one: Candidate, level: Level) -> Known | None:
        found = self.settle(one, level)
        return None if found is None else found.known

    def guess(self, one: Candidate, level: Level, share: float = 1.0) -> Known | None:
        """By chance, from the steady states."""
        asked = id(one), level, share
        if asked not in self.guesses:
            self.guesses[asked] = self._rate(one, level) if self.targets.highest else self._count(one, level, share)
        return self.guesses[asked]

    def _count(self, one: Candidate, level: Level, share: float) -> Known | None:
        count = self._by_chance(one, level, share)
        met = None if count is None else one.met(count)
        return None if met is None or count is None else Known(count=count, rate=0.0, each=met.each)

    def _by_chance(self, one: Candidate, level: Level, share: float) -> int | None:
        """The fewest with which no time is expected to take more than a share of its target."""
        return _fewest(lambda count: self._expected(one, count, level) <= share, one.fewest[level], one.limit)

    def _expected(self, one: Candidate, count: int, level: Level) -> float:
        """The larger share of its target that a time is expected to take."""
        met, rate = one.met(count), self.targets.rate or 0.0
        if met is None or one.filled(count, rate, level) > 1:
            return float("inf")
        return one.meets(met.first, met.each, level)

    def _rate(self, one: Candidate, level: Level) -> Known | None:
        """With all of it that there may be."""
        low, high = 0.0, one.copy.most * one.layout.data * one.limit
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            met = one.met(one.limit, middle)
            there = one.filled(one.limit, middle, level) <= 1
            keeps = there and met is not None and one.meets(met.first, met.each, level) <= 1
            low, high = (middle, high) if keeps else (low, middle)
        met = one.met(one.limit, low) if low else None
        return None if met is None else Known(count=one.limit, rate=low, each=met.each)

    def settle(self, one: Candidate, level: Level) -> Planned | None:
        """As simulated; None where it does not keep the targets, or enough were simulated."""
        asked = id(one), level
        if asked not in self.settled:
            if not self.left or len(self.seen) >= _SIMULATED:
                return None
            self.left -= 1
            found = self._highest(one, level) if self.targets.highest else self._enough(one, level)
            self.settled[asked] = self._spared(found)
        return self.settled[asked]

    def _enough(self, one: Candidate, level: Level) -> Planned | None:
        """With the fewest copies."""
        begin = self._by_chance(one, level, 1.0) or one.limit

        def holds(count: int) -> bool:
            if count < one.fewest[level]:
                return False
            found = self.simulated(one, count)
            return found is not None and RANKS[found.meets] >= RANKS[level]

        count = _fewest(holds, begin, one.limit)
        return None if count is None else self.simulated(one, count)

    def _highest(self, one: Candidate, level: Level) -> Planned | None:
        """At the highest rate."""
        begin = self.guess(one, level)
        assert begin is not None

        def holds(rate: float, *, brief: bool = True) -> bool:
            found = self.simulated(one, one.limit, rate, brief=brief)
            return found is not None and RANKS[found.meets] >= RANKS[level]

        low, high = 0.0, float("inf")
        rate, step = begin.rate, _STEP
        while high / max(low, 1e-300) > _NEAR and rate > begin.rate / 100:
            rate = _short(rate)
            if holds(rate):
                low = rate
            else:
                high = rate
            if not low or high == float("inf"):
                rate, step = (rate * step if low else rate / step), step**2
            else:
                rate = (low * high) ** 0.5
                if _short(rate) in (low, high):
                    break
        for _ in range(_TURNS):
            if low and not holds(low, brief=False):
                low = _short(low / _NEAR)
        return self.simulated(one, one.limit, low) if low and holds(low, brief=False) else None

    def _spared(self, found: Planned | None) -> Planned | None:
        """The same with copies to spare."""
        if found is None or not self.targets.spare:
            return found
        more = self.simulated(found.candidate, found.known.count + self.targets.spare, found.known.rate)
        return None if more is None else replace(more, known=found.known, meets=found.meets)

    def simulated(self, one: Candidate, count: int, rate: float = 0.0, *, brief: bool = False) -> Planned | None:
        """So many of it at a rate, or at the load that is asked for; None where they do not hold it.

        brief: with no more requests than show how it goes.
        """
        most = _BRIEF * count * one.layout.data if brief else MOST_OF_A_RATE
        asked = id(one), count, rate, min(requests_of(rate), most)
        if asked not in self.seen:
            self.seen[asked] = self._simulated(one, count, rate, most)
        return self.seen[asked]

    def _simulated(self, one: Candidate, count: int, rate: float, most: int) -> Planned | None:
        deployment, load, targets = one.deployed(count), self.load, self.targets
        assert load.traffic is not None
        try:
            if not verdict_of(deployment, replace(load, sequences=1)).fits:
                return None
            if rate:
                traffic = load.traffic.at(rate)
                load = replace(load, traffic=replace(traffic, requests=min(traffic.requests, most)))
            elif targets.users is not None and targets.think_s:
                load = self._thoughtful(one, deployment, count)
            outcome = served(deployment, load)
        except CalculatorError:
            return None
        ttft = getattr(outcome.first, targets.percentile.removesuffix("_ms"))
        tpot = None if outcome.each is None else getattr(outcome.each, targets.percentile.removesuffix("_ms"))
        first = served_interval(deployment, "ttft", ttft * 1e3)
        each = None if tpot is None else served_interval(deployment, "tpot", tpot * 1e3)
        assert load.traffic is not None
        asked, meets = load.traffic.rate, _word(ttft, tpot, first, each, targets)
        if asked is not None and asked > outcome.saturated_rate:
            meets = "no"
        # users who think ask less often of what is slower
        elif meets == "surely" and asked is not None and targets.users is None:
            slow = first.high / (ttft * 1e3) if each is None or tpot is None else each.high / (tpot * 1e3)
            meets = "surely" if asked * slow <= outcome.saturated_rate else "likely"
        known = Known(count=count, rate=rate, each=0.0 if tpot is None else tpot)
        return Planned(
            candidate=one,
            known=known,
            deployment=deployment,
            load=load,
            outcome=outcome,
            ttft=ttft,
            tpot=tpot,
            ttft_interval=first,
            tpot_interval=each,
            meets=meets,
        )

    def _thoughtful(self, one: Candidate, deployment: Deployment, count: int) -> Load:
        """The rate at which users who think ask: each as often as his answer and his thought allow."""
        assert self.load.traffic is not None
        assert self.targets.users is not None
        met, users, think_s = one.met(count), self.targets.users, self.targets.think_s
        rate = users / think_s if met is None else min(met.rate * count * one.layout.data, users / think_s)
        for _ in range(_TURNS):
            load = replace(self.load, traffic=self.load.traffic.at(_short(rate)))
            outcome = served(deployment, load)
            again = users / (think_s + outcome.whole.mean)
            if abs(again - rate) <= _AGREED * rate:
                break
            rate = (rate + again) / 2
        return load


def _keyed(key: Key) -> Callable[[Planned], Any]:
    """The same key of what was simulated."""
    return lambda one: key(one.candidate, one.known)


def _word(ttft: float, tpot: float | None, first: Interval, each: Interval | None, targets: Targets) -> Meets:
    ends = [(first.low, ttft * 1e3, first.high, targets.ttft)]
    if each is not None and tpot is not None:
        ends.append((each.low, tpot * 1e3, each.high, targets.tpot))
    asked = [(*values, limit * 1e3) for *values, limit in ends if limit is not None]
    meets: Meets = "no"
    for number, word in enumerate(_WORDS):
        if all(entry[number] <= entry[3] for entry in asked):
            meets = word
    return meets


def _short(rate: float) -> float:
    """A rate to three digits, so that it can be asked again."""
    return float(f"{rate:.3g}")


def _fewest(holds: Callable[[int], bool], begin: int, most: int) -> int | None:
    """The least number up to `most` that holds, which larger ones do too; looked for from `begin` on."""
    begin = min(begin, most)
    if begin < 1:
        return None
    low, high, step = 0, begin, 1
    if not holds(begin):
        low = begin
        while True:
            high = min(most, low + step)
            if high == low:
                return None
            if holds(high):
                break
            low, step = high, 2 * step
    else:
        # most often one less is too few
        while high > 1:
            low = max(0, high - step)
            if not low or not holds(low):
                break
            high, step = low, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
