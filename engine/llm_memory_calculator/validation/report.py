"""What validation answers."""

from __future__ import annotations

from dataclasses import dataclass

from .scores import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One value of one row, and how far its estimate is from it."""

    row: int
    """Row of the file, counted from 1 without the header."""
    model: str
    """The model as the row names it."""
    metric: str
    """What was measured."""
    measured: float
    """The measured value, in the unit that the metric's name says."""
    estimated: float
    """The estimate, in the same unit."""
    error: float
    """The estimate over the measured value - 1, per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasCell:
    """Rows that are alike in one thing, and how far their estimates lie to one side."""

    by: str
    """What they are alike in: input/output, concurrency, context, batch, bits, class (the kind of model: dense,
    mixture, latent, recurrent), accelerator (its class, or whose kernels it has) or backend."""
    cell: str
    """Its value, or between which values it lies."""
    metric: str
    """What was measured."""
    n: int
    """Rows that measured it, 30 or more."""
    ratio: float
    """Geometric mean of measured over estimated: above 1 where estimates are too low."""
    off: bool
    """Whether the ratio lies outside 0.93 to 1.07."""
    coverage_80: float | None = None
    """Share of the rows whose range of 80 % holds the measured value; null where fewer than 30 have one."""
    coverage_off: bool = False
    """Whether that share lies outside 75 to 90."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """Estimates times factors that rows of other groups alone say, beside measured rows."""

    left_out: str
    """What one group has in common: model, system or engine."""
    groups: int
    """Groups, each left out once."""
    metrics: Scores
    """Errors by metric, per cent."""
    by: dict[str, Scores]
    """The same by group left out."""
    bias_by: tuple[BiasCell, ...] = ()
    """To which side these lie where rows are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """Estimates beside measured rows."""

    kind: str
    """What the file measures, as its columns tell."""
    rows: int
    """Rows of the file: answered + flagged + those refused."""
    answered: int
    """Rows that the scores are of."""
    flagged: int
    """Rows left out because they say themselves that something is wrong with all that they measured (`flag`,
    `suspect`)."""
    refused: dict[str, int]
    """Rows that could not be answered, by reason, the commonest first."""
    metrics: Scores
    """Errors by metric, per cent; `fits` has the share of rows that were judged rightly."""
    by: dict[str, Scores]
    """The same by model, system or engine, as asked; empty where that was not asked."""
    bias_by: tuple[BiasCell, ...] = ()
    """To which side the estimates of rows that are alike lie; empty where fewer than 30 are alike."""
    cross_validated: CrossValidation | None = None
    """The same scores with each group's estimates times the factors of all other groups; null where not asked."""
    worst: tuple[Miss, ...]
    """The values with the largest errors, the largest first."""
