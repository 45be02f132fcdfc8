"""How far estimates are from what was measured, in per cent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measured value, above zero where it has an error, and its estimate."""

    metric: str
    measured: float
    estimated: float
    low: float | None = None
    """Lower end of the range that is to hold the measured value in 80 % of all cases."""
    high: float | None = None
    limit: float | None = None
    """What the devices' peak and bandwidth allow: the least of a time, the most of a rate."""

    @property
    def error(self) -> float:
        """The estimate over the measured value - 1, in per cent."""
        return 100 * (self.estimated / self.measured - 1)

    @property
    def held(self) -> bool | None:
        """Whether the range holds the measured value; None where there is no range."""
        return None if self.low is None or self.high is None else self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an engine started, and whether it was estimated to."""

    started: bool
    starts: bool
    """The side on which the estimate itself lies."""
    borderline: bool
    """Its range lies on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The errors of one metric, in per cent."""

    n: int
    """Rows that measured it, above zero."""
    mape: float
    """Mean of the absolute errors."""
    median_ape: float
    """Median of the absolute errors."""
    bias: float
    """Mean of the errors, estimate over measured - 1: above 0 where estimates are too high."""
    coverage_80: float | None
    """Share of the rows with a range of 80 % whose range holds the measured value; null where none has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitScore:
    """Whether it was estimated rightly what starts."""

    n: int
    """Rows that say whether the engine started."""
    right: float
    """Share of them whose estimate lies on the side that was seen, per cent."""
    borderline: int
    """Rows whose range lies on both sides; they are right or wrong by the estimate itself."""


Scores = dict[str, Score | FitScore]


def scored(metrics: Sequence[str], values: Iterable[Comparison], verdicts: Sequence[Verdict]) -> Scores:
    """The scores by metric, in the order of `metrics`; of what was never measured there is none.

    A measured value that is not above zero (a cache's room where the engine did not start) has no error in per cent.
    """
    by_metric: dict[str, list[Comparison]] = {metric: [] for metric in metrics}
    for value in values:
        if value.measured > 0:
            by_metric[value.metric].append(value)
    scores: Scores = {metric: _score(found) for metric, found in by_metric.items() if found}
    if verdicts:
        scores["fits"] = _fit_score(verdicts)
    return scores


def _score(values: Sequence[Comparison]) -> Score:
    errors = [value.error for value in values]
    absolute = [abs(error) for error in errors]
    held = [value.held for value in values if value.held is not None]
    return Score(
        n=len(values),
        mape=fmean(absolute),
        median_ape=median(absolute),
        bias=fmean(errors),
        coverage_80=100 * fmean(held) if held else None,
    )


def _fit_score(verdicts: Sequence[Verdict]) -> FitScore:
    return FitScore(
        n=len(verdicts),
        right=100 * fmean(verdict.starts == verdict.started for verdict in verdicts),
        borderline=sum(verdict.borderline for verdict in verdicts),
    )
