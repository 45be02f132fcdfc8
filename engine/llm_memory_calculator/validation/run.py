"""A file of measured rows, answered row by row and scored."""

from __future__ import annotations

import os
from collections import Counter

from .. import checks
from ..errors import CalculatorError
from .engine_logs import engine_logs_kind
from .kinds import Answer, Kind, kind_of, reason_of
from .models import models_of
from .reading import Row, read
from .report import Miss, ValidationReport
from .scores import Scores, scored
from .startup import startup_kind

GROUPS = ("model", "system", "engine")
WORST_SHOWN = 10
KINDS: tuple[Kind, ...] = (engine_logs_kind(), startup_kind())
"""The first that a file's columns tell is taken."""


def validate(
    path: str | os.PathLike[str],
    *,
    by: str | None = None,
    configs: str | os.PathLike[str] | None = None,
    all_rows: bool = False,
    kinds: tuple[Kind, ...] = KINDS,
) -> ValidationReport:
    """How far the estimates are from the measured rows of a CSV file, whose columns tell its kind.

    by: the scores by model, system or engine too. configs: a folder of `org__name.json`, each taken for the model of
    that name. all_rows: also those that say themselves (`flag`, `suspect`) that something is wrong with them.

    Raises ArgumentError for a file that is missing, no CSV, or of no kind.
    """
    if by is not None:
        checks.choice("by", by, GROUPS)
    measurements, models = read(path), models_of(configs)
    kind = kind_of(measurements, kinds)
    answers: dict[int, Answer] = {}
    refused = Counter[str]()
    flagged = 0
    for row in measurements.rows:
        if not all_rows and _is_flagged(row):
            flagged += 1
            continue
        try:
            answers[row.number] = kind.answer(row, models)
        except CalculatorError as error:
            refused[reason_of(error, row.text("model"))] += 1
    return ValidationReport(
        kind=kind.name,
        rows=len(measurements.rows),
        answered=len(answers),
        flagged=flagged,
        refused=dict(refused.most_common()),
        metrics=_scores(kind, list(answers.values())),
        by={} if by is None else _by_group(kind, by, list(answers.values())),
        worst=_worst(answers),
    )


def _is_flagged(row: Row) -> bool:
    return row.text("flag") is not None or row.text("suspect") is not None


def _scores(kind: Kind, answers: list[Answer]) -> Scores:
    values = (value for answer in answers for value in answer.values)
    return scored(kind.metrics, values, [answer.verdict for answer in answers if answer.verdict is not None])


def _by_group(kind: Kind, by: str, answers: list[Answer]) -> dict[str, Scores]:
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(getattr(answer, by), []).append(answer)
    return {group: _scores(kind, groups[group]) for group in sorted(groups)}


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
