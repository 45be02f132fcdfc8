"""Requests that come by chance to a copy whose steady states are known: how many are there, and what they meet.

How many requests a copy has is a chain of births and deaths: they come at their rate, and leave as often as the steady
state of so many serves. What a request meets follows by Little's law; what a share of them meets at most follows from
how many others are there so often.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

# Requests that a chain follows at least, and at most, for each that there is room for.
_LEAST, _TIMES = 64, 4
# Of how many others come and go a request sees the mean while it decodes: of a number whose memory fades evenly over
# that time, the variance of the mean is two thirds.
_WHILE_DECODING = (2 / 3) ** 0.5
# The wait of requests over that of the steady state with as many others as so often are there, since prompts also come
# together: medians of events over 140 random loads by chance, and over 126 of users who ask again, whose first wave
# comes at once. (What is chosen by them is simulated; `benchmarks/steady_state.py` prints what is left.)
_FIRST = {
    "mean_ms": (1.0, 1.7),
    "p50_ms": (1.0, 1.1),
    "p90_ms": (1.5, 2.3),
    "p95_ms": (1.75, 4.0),
    "p99_ms": (2.1, 6.0),
}
_SHARES = {"mean_ms": None, "p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What requests meet; seconds."""

    first: float
    """To the first token, the mean or what a share of them has at most."""
    each: float
    """A token, likewise."""
    rate: float
    """Requests a second of the copy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Copy:
    """A copy by its steady states at some numbers of users."""

    users: Array
    """Increasing from 1."""
    tpot: Array
    """Seconds a token."""
    wait: Array
    """Seconds to the first token."""
    steps: float
    """Tokens of an answer after the first."""
    room: float
    """Requests that there is room for at once; others wait."""

    @cached_property
    def _states(self) -> tuple[Array, Array, Array]:
        """(tpot, wait, rate) with 1, 2, ... requests; those beyond the room only wait."""
        import numpy

        inside = max(1.0, min(self.room, float(self.users[-1])))
        count = numpy.arange(1.0, int(max(_LEAST, _TIMES * inside)) + 1)
        served = numpy.minimum(count, inside)
        tpot = numpy.interp(served, self.users, self.tpot)
        rate = served / (numpy.interp(served, self.users, self.wait) + self.steps * tpot)
        return tpot, count / rate - self.steps * tpot, rate

    @property
    def most(self) -> float:
        """Requests a second beyond which the queue grows without end."""
        return float(self._states[2][-1])

    def asked_again(self, users: float, percentile: str) -> Met:
        """By so many users, each of whom asks again when he has his answer."""
        import numpy

        tpot, wait, rate = self._states
        at = numpy.arange(1.0, len(rate) + 1)
        here = max(1.0, users)
        each, first, served = (float(numpy.interp(here, at, one)) for one in (tpot, wait, rate))
        # beyond the last state others only wait
        first += max(0.0, here - len(rate)) / self.most
        return Met(first=_FIRST[percentile][1] * first, each=each, rate=served)

    def by_chance(self, rate: float, percentile: str) -> Met | None:
        """At a rate of requests; None where more come than can be served."""
        import numpy

        if rate >= self.most:
            return None
        return self._met(numpy.full(len(self._states[2]), rate), percentile)

    def after_thought(self, users: float, think_s: float, percentile: str) -> Met:
        """By so many users, each of whom asks again so many seconds after he has his answer."""
        import numpy

        there = numpy.arange(len(self._states[2]))
        return self._met(numpy.maximum(users - there, 1e-300) / think_s, percentile)

    def _met(self, births: Array, percentile: str) -> Met:
        """births: requests a second that come where 0, 1, 2 ... are there."""
        import numpy

        tpot, wait, rate = self._states
        likely = numpy.concatenate(([0.0], numpy.cumsum(numpy.log(births / rate))))
        likely = numpy.exp(likely - likely.max())
        likely /= likely.sum()
        served = float((likely[1:] * rate).sum())
        decoding = float((likely[1:] * rate * tpot).sum()) * self.steps
        there = float((likely[1:] * numpy.arange(1.0, len(rate) + 1)).sum())
        share, (factor, _) = _SHARES[percentile], _FIRST[percentile]
        if share is None:
            return Met(first=factor * (there - decoding) / served, each=decoding / served / self.steps, rate=served)
        often = int(numpy.searchsorted(likely.cumsum(), share))
        typical = float(numpy.searchsorted(likely.cumsum(), 0.5))
        seen = typical + _WHILE_DECODING * (often - typical) + 0.5
        at = numpy.arange(1.0, len(rate) + 1)
        first, each = float(numpy.interp(often + 1, at, wait)), float(numpy.interp(seen, at, tpot))
        return Met(first=factor * first, each=each, rate=served)
