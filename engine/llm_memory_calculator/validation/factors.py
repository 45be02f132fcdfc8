"""How much slower or faster than the estimates what a user measured is: one factor a metric, an engine and a card."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from statistics import fmean

from .bias import geometric_mean
from .kinds import Kind
from .run import KINDS, answers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFactor:
    """Measured over estimated of one metric, on one engine and one accelerator."""

    metric: str
    """What was measured."""
    engine: str
    """The engine that was estimated."""
    system: str
    """The accelerator as the rows name it."""
    n: int
    """Values that it is of."""
    factor: float
    """Geometric mean of measured over estimated: what an estimate is to be multiplied by."""
    spread: float
    """Geometric standard deviation of these: two thirds of the values lie within factor / spread and factor x spread; 1
    where there is one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFactorsReport:
    """Factors on the estimates, of a file of measured rows."""

    kind: str
    """What the file measures, as its columns tell."""
    rows: int
    """Rows of the file."""
    answered: int
    """Rows that the factors are of."""
    factors: tuple[TimeFactor, ...]
    """By metric, engine and accelerator."""


def measured_factors(
    path: str | os.PathLike[str],
    *,
    configs: str | os.PathLike[str] | None = None,
    all_rows: bool = False,
    kinds: tuple[Kind, ...] = KINDS,
) -> TimeFactorsReport:
    """How far a user's measured rows are from the estimates of them, as factors; arguments as of `validate`.

    Give the rows of one deployment, so that what one factor mends is one thing. Raises ArgumentError.
    """
    found = answers_of(path, configs=configs, all_rows=all_rows, kinds=kinds)
    ratios: dict[tuple[int, str, str], list[float]] = {}
    metrics = found.kind.metrics
    for answer in found.answers.values():
        for value in answer.values:
            if value.measured > 0 and value.estimated > 0:
                key = (metrics.index(value.metric), answer.engine, answer.system)
                ratios.setdefault(key, []).append(value.measured / value.estimated)
    return TimeFactorsReport(
        kind=found.kind.name,
        rows=found.rows,
        answered=len(found.answers),
        factors=tuple(
            TimeFactor(
                metric=metrics[key[0]],
                engine=key[1],
                system=key[2],
                n=len(ratios[key]),
                factor=geometric_mean(ratios[key]),
                spread=_spread(ratios[key]),
            )
            for key in sorted(ratios)
        ),
    )


def _spread(ratios: list[float]) -> float:
    """The geometric standard deviation of a sample."""
    if len(ratios) == 1:
        return 1.0
    logs = [math.log(ratio) for ratio in ratios]
    mean = fmean(logs)
    return math.exp(math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1)))
