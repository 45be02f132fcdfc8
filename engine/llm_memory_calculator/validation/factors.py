"""A user's measured rows as factors on the estimates of times, which later estimates take."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from ..errors import ArgumentError
from ..performance.calibration import TIMES, Time, TimeCalibration, TimeFactor
from .kinds import Kind
from .reading import Rows
from .refit import shrunk
from .run import KINDS, Answered, answers_of

# The time that each metric tells; of a rate the inverse.
_TIME_OF: dict[str, tuple[Time, int]] = {
    "ttft_ms": ("ttft", 1),
    "prefill_tokens_per_s": ("ttft", -1),
    "tpot_ms": ("tpot", 1),
    "decode_tokens_per_s": ("tpot", -1),
    "e2e_ms": ("e2e", 1),
    "output_tokens_per_s": ("e2e", -1),
}


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

    Raises ArgumentError where no time can be compared.
    """
    found = answers_of(rows, configs=configs, all_rows=all_rows, kinds=kinds)
    logs: dict[tuple[str, ...], list[float]] = {}
    models: dict[tuple[str, ...], dict[str, None]] = {}
    for answer in found.answers.values():
        for value in answer.values:
            if value.metric in _TIME_OF and value.measured > 0 and value.estimated > 0:
                time, sign = _TIME_OF[value.metric]
                path = (time, answer.engine, answer.hardware)
                logs.setdefault(path, []).append(sign * math.log(value.measured / value.estimated))
                models.setdefault(path, {})[answer.model] = None
    if not logs:
        raise ArgumentError(f"rows hold no time that can be compared: {_why(found)}.")
    means = shrunk(logs)
    return TimeCalibration(
        kind=found.kind.name,
        rows=found.rows,
        answered=len(found.answers),
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


def _why(found: Answered) -> str:
    if found.refused:
        reason, count = found.refused.most_common(1)[0]
        return f"{count:,} of {found.rows:,} rows are refused because {reason}"
    if found.answers:
        return f"they measure {found.kind.name}; give columns of times, such as ttft_ms and tpot_ms"
    return f"{found.flagged:,} of {found.rows:,} rows say themselves that something is wrong; all_rows takes them"


def _spread(logs: Sequence[float], mean: float) -> float:
    """The geometric deviation about the factor."""
    return 1.0 if len(logs) == 1 else math.exp(math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1)))
