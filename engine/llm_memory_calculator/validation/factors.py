"""A user's measured rows as factors on the estimates of times, which later estimates take."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

from ..errors import ArgumentError
from ..performance.calibration import TIMES, Time, TimeCalibration, TimeFactor
from .kinds import Kind
from .reading import Rows
from .refit import shrunk
from .run import KINDS, Answered, answers_of
from .scores import Comparison

# The time that each metric tells; of a rate the inverse.
_TIME_OF: dict[str, tuple[Time, int]] = {
    "ttft_ms": ("ttft", 1),
    "prefill_tokens_per_s": ("ttft", -1),
    "tpot_ms": ("tpot", 1),
    "decode_tokens_per_s": ("tpot", -1),
    "e2e_ms": ("e2e", 1),
    "output_tokens_per_s": ("e2e", -1),
}
# Estimates that are so far off are of another deployment than the row's, or the row is in other units; a judgement.
_MOST_OFF = 5.0


def calibrate(
    rows: Rows,
    *,
    configs: str | os.PathLike[str] | None = None,
    all_rows: bool = False,
    kinds: tuple[Kind, ...] = KINDS,
) -> TimeCalibration:
    """How far your measured times are from the estimates of them, as factors by time, engine and accelerator.

    rows: the path of a CSV file, or a list of objects by its columns, as `validate` takes them; its other arguments
    too. Give the rows of one deployment, so that what one factor mends is one thing. `estimate_performance` and the
    other questions of times take the answer, or its JSON, as `calibration`.

    A row is left out, with its reason, whose time is below what the devices' peak and bandwidth allow, or more than
    5 times off the estimate.

    Raises ArgumentError where no time can be compared.
    """
    found = answers_of(rows, configs=configs, all_rows=all_rows, kinds=kinds)
    logs: dict[tuple[str, ...], list[float]] = {}
    models: dict[tuple[str, ...], dict[str, None]] = {}
    left_out: dict[str, list[int]] = {}
    for number, answer in found.answers.items():
        times = [value for value in answer.values if value.metric in _TIME_OF and value.estimated > 0]
        wrong = next(filter(None, map(_wrong_with, times)), None)
        if wrong is not None:
            left_out.setdefault(wrong, []).append(number)
            continue
        for value in times:
            time, sign = _TIME_OF[value.metric]
            path = (time, answer.engine, answer.hardware)
            logs.setdefault(path, []).append(sign * math.log(value.measured / value.estimated))
            models.setdefault(path, {})[answer.model] = None
    refused = {**found.refused, **{_of_rows(reason, rows): len(rows) for reason, rows in left_out.items()}}
    if not logs:
        raise ArgumentError(f"rows hold no time that can be compared: {_why(found, refused)}.")
    means = shrunk(logs)
    return TimeCalibration(
        kind=found.kind.name,
        rows=found.rows,
        answered=len(found.answers) - sum(map(len, left_out.values())),
        refused=refused,
        factors=tuple(
            TimeFactor(
                time=time,
                engine=path[1],
                hardware=path[2],
                n=len(logs[path]),
                factor=math.exp(means[path]),
                spread=_spread(logs[path], means[path]),
                models=tuple(models[path]),
            )
            for time in TIMES
            for path in sorted(logs)
            if path[0] == time
        ),
    )


def _wrong_with(value: Comparison) -> str | None:
    """Why a value cannot be of what was estimated; None where it can."""
    sign, metric = _TIME_OF[value.metric][1], value.metric
    if value.measured <= 0:
        return f"{metric} is not above 0"
    if value.limit is not None and sign * (value.measured - value.limit) < 0:
        hint = " (is it in seconds?)" if sign > 0 else ""
        return f"{metric} is better than the devices' peak and bandwidth allow{hint}"
    if abs(math.log(value.measured / value.estimated)) > math.log(_MOST_OFF):
        return f"{metric} is more than {_MOST_OFF:g} times off the estimate"
    return None


def _of_rows(reason: str, rows: Sequence[int]) -> str:
    """A reason with the numbers of the rows, the first of many."""
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"{reason}: row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:_SHOWN]))}{more}"


_SHOWN = 5


def _why(found: Answered, refused: Mapping[str, int]) -> str:
    if refused:
        reason = max(refused, key=lambda one: refused[one])
        return f"{refused[reason]:,} of {found.rows:,} rows are refused because {reason}"
    if found.answers:
        return f"they measure {found.kind.name}; give columns of times, such as ttft_ms and tpot_ms"
    return f"{found.flagged:,} of {found.rows:,} rows say themselves that something is wrong; all_rows takes them"


def _spread(logs: Sequence[float], mean: float) -> float | None:
    """The geometric deviation about the factor; None of one row, which has none."""
    if len(logs) == 1:
        return None
    return math.exp(math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1)))
