"""A file of measured rows, answered row by row and scored."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace

from .. import checks
from ..errors import ArgumentError, CalculatorError
from .bias import biases
from .engine_logs import engine_logs_kind
from .kinds import Answer, Kind, kind_of, reason_of
from .local_runs import local_kind
from .models import models_of
from .open_loops import open_loop_kind
from .reading import Row, Rows, read
from .refit import cross_validated
from .report import CrossValidation, Miss, ValidationReport
from .scores import Scores, scored
from .serving_runs import serving_kind
from .startup import startup_kind
from .tables import tables_kind

GROUPS = ("model", "system", "engine")
WORST_SHOWN = 10
KINDS: tuple[Kind, ...] = (
    engine_logs_kind(),
    startup_kind(),
    serving_kind(),
    open_loop_kind(),
    tables_kind(),
    local_kind(),
)
"""The first that a file's columns tell is taken."""


def validate(
    rows: Rows,
    *,
    by: str | None = None,
    cross_validate: str | None = None,
    configs: str | os.PathLike[str] | None = None,
    all_rows: bool = False,
    kinds: tuple[Kind, ...] = KINDS,
) -> ValidationReport:
    """How far the estimates are from measured rows, of a CSV file or at hand, whose columns tell their kind.

    by: the scores by model, system or engine too. cross_validate: the scores too of estimates times factors that a
    light refit has from all rows but those of the same model, system or engine. configs: a folder of `org__name.json`,
    each taken for the model of that name. all_rows: also those that say themselves (`flag`, `suspect`) that something
    is wrong with them.

    Raises ArgumentError for a file that is missing, no CSV, or of no kind.
    """
    if by is not None:
        checks.choice("by", by, GROUPS)
    if cross_validate is not None:
        checks.choice("cross_validate", cross_validate, GROUPS)
    found = answers_of(rows, configs=configs, all_rows=all_rows, kinds=kinds)
    kind, answers = found.kind, list(found.answers.values())
    return ValidationReport(
        kind=kind.name,
        rows=found.rows,
        answered=len(answers),
        flagged=found.flagged,
        refused=dict(found.refused.most_common()),
        metrics=_scores(kind, answers),
        by={} if by is None else _by_group(kind, by, answers),
        bias_by=biases(kind.metrics, answers),
        cross_validated=None if cross_validate is None else _cross_validated(kind, cross_validate, answers),
        worst=_worst(found.answers),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A file's rows beside their estimates."""

    kind: Kind
    rows: int
    answers: dict[int, Answer]
    """By the row's number."""
    flagged: int
    refused: Counter[str]


def answers_of(
    rows: Rows,
    *,
    configs: str | os.PathLike[str] | None,
    all_rows: bool,
    kinds: tuple[Kind, ...] = KINDS,
) -> Answered:
    """Every row of a file answered, or counted with the reason why not. Raises ArgumentError."""
    models, measurements = models_of(configs), read(rows)
    kind = kind_of(measurements, kinds)
    if not measurements.rows:
        raise ArgumentError(f"The file of {kind.name} has a header and no row; give a row a measurement.")
    answers: dict[int, Answer] = {}
    refused = Counter[str]()
    flagged = 0
    for row in measurements.rows:
        spoilt = frozenset() if all_rows else _spoilt(kind, row)
        if spoilt is None:
            flagged += 1
            continue
        try:
            answer = kind.answer(row, models)
        except CalculatorError as error:
            refused[reason_of(error, row.text("model"))] += 1
            continue
        left = tuple(value for value in answer.values if value.metric not in spoilt)
        if answer.values and not left:
            flagged += 1
        else:
            answers[row.number] = replace(answer, values=left)
    return Answered(kind=kind, rows=len(measurements.rows), answers=answers, flagged=flagged, refused=refused)


def _spoilt(kind: Kind, row: Row) -> frozenset[str] | None:
    """The metrics that a row's flag spoils; None where it spoils the row."""
    if row.text("suspect") is not None:
        return None
    metrics = set[str]()
    for flag in (row.text("flag") or "").split():
        if flag in kind.spoils:
            metrics.update(kind.spoils[flag])
        elif kind.excused is None or not kind.excused(row, flag):
            return None
    return frozenset(metrics)


def _scores(kind: Kind, answers: list[Answer]) -> Scores:
    values = (value for answer in answers for value in answer.values)
    return scored(kind.metrics, values, [answer.verdict for answer in answers if answer.verdict is not None])


def _by_group(kind: Kind, by: str, answers: list[Answer]) -> dict[str, Scores]:
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(getattr(answer, by), []).append(answer)
    return {group: _scores(kind, groups[group]) for group in sorted(groups)}


def _cross_validated(kind: Kind, left_out: str, answers: list[Answer]) -> CrossValidation:
    refitted = cross_validated(answers, lambda answer: str(getattr(answer, left_out)))
    by = _by_group(kind, left_out, refitted)
    return CrossValidation(
        left_out=left_out,
        groups=len(by),
        metrics=_scores(kind, refitted),
        by=by,
        bias_by=biases(kind.metrics, refitted),
    )


def _worst(answers: dict[int, Answer]) -> tuple[Miss, ...]:
    misses = [
        Miss(
            row=number,
            model=answer.model,
            metric=value.metric,
            measured=value.measured,
            estimated=value.estimated,
            error=value.error,
        )
        for number, answer in answers.items()
        for value in answer.values
        if value.measured > 0
    ]
    return tuple(sorted(misses, key=lambda miss: -abs(miss.error))[:WORST_SHOWN])
