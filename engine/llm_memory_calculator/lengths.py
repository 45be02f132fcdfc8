"""How long prompts and outputs are: one number, or how a number is spread, as a curve of its quantiles."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

_STEPS = 64
# How much people's lengths vary at least: those of a benchmark that says so are even from 0.8 to 1.2 of their mean
# (aiconfigurator's sweeps).
_VARY = 0.2


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens by quantile: (quantile, tokens), joined by lines."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def fixed(cls, tokens: float) -> Lengths:
        """All alike."""
        return cls(((0.0, tokens), (1.0, tokens)))

    @classmethod
    def uniform(cls, least: float, most: float) -> Lengths:
        """Every length between two is as frequent."""
        return cls(((0.0, least), (1.0, most)))

    @classmethod
    def varied(cls, tokens: float) -> Lengths:
        """As much as those of people at least, about a mean."""
        return cls.uniform(*(max(1, round((1 + way * _VARY) * tokens)) for way in (-1, 1)))

    @classmethod
    def by_percentiles(cls, middle: float, upper: float, share: float = 0.95) -> Lengths:
        """Lognormal, as lengths of requests are about: by its median and a percentile above."""
        return cls._lognormal(middle, math.log(upper / middle) / NormalDist().inv_cdf(share))

    @classmethod
    def by_deviation(cls, mean: float, deviation: float) -> Lengths:
        """Lognormal by its mean and its standard deviation."""
        variance = math.log1p((deviation / mean) ** 2)
        return cls._lognormal(mean * math.exp(-variance / 2), math.sqrt(variance))

    @classmethod
    def _lognormal(cls, middle: float, width: float) -> Lengths:
        at = [(number + 0.5) / _STEPS for number in range(_STEPS)]
        inner = tuple((share, max(1.0, middle * math.exp(width * NormalDist().inv_cdf(share)))) for share in at)
        return cls(((0.0, inner[0][1]), *inner, (1.0, inner[-1][1])))

    @classmethod
    def mixed(cls, shares: Mapping[int, float]) -> Lengths:
        """Some lengths, each with its share of all."""
        whole, begun, points = sum(shares.values()), 0.0, list[tuple[float, float]]()
        for tokens, share in sorted(shares.items()):
            points.append((begun, tokens))
            begun += share / whole
            points.append((min(begun, 1.0), tokens))
        return cls(tuple(points))

    @property
    def mean(self) -> float:
        pairs = zip(self.points, self.points[1:], strict=False)
        return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in pairs)

    @property
    def longest(self) -> int:
        return math.ceil(self.points[-1][1])

    @property
    def alike(self) -> bool:
        return self.points[0][1] == self.points[-1][1]

    def at(self, quantile: float) -> int:
        """Tokens of a quantile."""
        points = self.points
        right = min(max(bisect_right(points, quantile, key=lambda point: point[0]), 1), len(points) - 1)
        (left, low), (end, high) = points[right - 1], points[right]
        return max(1, round(low if end == left else low + (high - low) * (quantile - left) / (end - left)))


@lru_cache(maxsize=16)
def spread(count: int, base: int) -> tuple[float, ...]:
    """So many numbers that fill 0 to 1 evenly, however many there are: van der Corput's of a base."""
    found = [0.0]
    share = 1.0
    while len(found) < count:
        share /= base
        found = [known + digit * share for digit in range(base) for known in found]
    return tuple(found[:count])
