"""To which side estimates lie where rows are alike: a fault of a law shows as a slope over what it depends on."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import fmean

from .kinds import Answer
from .report import BiasCell
from .scores import Comparison

FEWEST = 30
"""Rows of a cell that is told."""
LEAST, MOST = 0.93, 1.07
"""Measured over estimated where nothing is wrong."""
HELD_LEAST, HELD_MOST = 75, 90
"""How much a range of 80 % holds where nothing is wrong, per cent."""
# Upper ends of the cells of what is a number.
_ENDS: dict[str, tuple[float, ...]] = {
    "input/output": (0.2, 2, 8),
    "concurrency": (4, 16, 64, 256),
    "context": (512, 2_048, 8_192, 32_768),
    "batch": (1, 4, 16, 64),
    "bits": (3.5, 5.5, 9),
}


def biases(metrics: Sequence[str], answers: Sequence[Answer]) -> tuple[BiasCell, ...]:
    """The cells with enough rows, by what their rows are alike in, in the order of the cells and then of `metrics`."""
    alike: dict[tuple[str, float, str, str], list[Comparison]] = {}
    for answer in answers:
        for by, trait in answer.traits.items():
            place, cell = _cell(by, trait)
            for value in answer.values:
                if value.measured > 0 and value.estimated > 0:
                    alike.setdefault((by, place, cell, value.metric), []).append(value)
    told = [key for key, found in alike.items() if len(found) >= FEWEST]
    order = [*_ENDS, "class", "accelerator", "backend"]
    told.sort(key=lambda key: (order.index(key[0]), key[1], key[2], metrics.index(key[3])))
    return tuple(_told(key, alike[key]) for key in told)


def geometric_mean(ratios: Sequence[float]) -> float:
    return math.exp(fmean(map(math.log, ratios)))


def _told(key: tuple[str, float, str, str], values: Sequence[Comparison]) -> BiasCell:
    by, _, cell, metric = key
    ratio = geometric_mean([value.measured / value.estimated for value in values])
    held = [value.held for value in values if value.held is not None]
    coverage = 100 * fmean(held) if len(held) >= FEWEST else None
    return BiasCell(
        by=by,
        cell=cell,
        metric=metric,
        n=len(values),
        ratio=ratio,
        off=not LEAST <= ratio <= MOST,
        coverage_80=coverage,
        coverage_off=coverage is not None and not HELD_LEAST <= coverage <= HELD_MOST,
    )


def _cell(by: str, trait: float | str) -> tuple[float, str]:
    """Where a cell stands among the others, and its name."""
    if isinstance(trait, str):
        return 0, trait
    ends = _ENDS[by]
    place = bisect_left(ends, trait)
    if place == len(ends):
        return place, f"above {ends[-1]:,g}"
    return place, f"up to {ends[0]:,g}" if place == 0 else f"{ends[place - 1]:,g} to {ends[place]:,g}"
