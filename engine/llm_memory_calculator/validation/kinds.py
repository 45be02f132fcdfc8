"""A kind of measured file: what tells it, what it measures, and how a row of it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..errors import ArgumentError, SourceError, UnknownModelError
from ..report import Interval, MemoryReport
from .models import Models
from .reading import Measurements, RefusedRow, Row
from .scores import Comparison, Verdict

Estimate = Callable[..., MemoryReport]
"""What is asked for an estimate: `calculate_memory`, or what stands for it in a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A row beside what is estimated for it."""

    model: str
    system: str
    """The accelerator, or what is known of it."""
    hardware: str = ""
    """Its name in the catalogue, where a time was measured on it."""
    engine: str
    values: tuple[Comparison, ...]
    verdict: Verdict | None = None
    traits: Mapping[str, float | str] = field(default_factory=dict)
    """What the row is like, by which bias is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of measured file."""

    name: str
    columns: tuple[str, ...]
    """Every one of these is there."""
    measured: tuple[str, ...]
    """At least one of these is."""
    metrics: tuple[str, ...]
    """In the order in which they are shown."""
    answer: Callable[[Row, Models], Answer]
    """Raises CalculatorError where a row cannot be answered."""
    spoils: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Flags that spoil some metrics of a row alone; any other flag spoils all of it."""

    excused: Callable[[Row, str], bool] | None = None
    """Whether a row says enough of what a flag means to be asked so."""

    def is_of(self, columns: tuple[str, ...]) -> bool:
        """Whether a file with these columns is of this kind."""
        return set(self.columns).issubset(columns) and not set(self.measured).isdisjoint(columns)

    def __str__(self) -> str:
        return f"{', '.join(self.columns)} and one of {', '.join(self.measured)} ({self.name})"


def kind_of(measurements: Measurements, kinds: tuple[Kind, ...]) -> Kind:
    """The first kind that the columns tell. Raises ArgumentError."""
    for kind in kinds:
        if kind.is_of(measurements.columns):
            return kind
    has = ", ".join(measurements.columns[:20]) or "none with a name"
    raise ArgumentError(
        f"The columns tell no kind of measured file. The file has: {has}. Needed: {'; or '.join(map(str, kinds))}."
    )


def reason_of(error: Exception, model: str | None) -> str:
    """Why a row is refused, short enough to count rows by it."""
    if isinstance(error, RefusedRow):
        return str(error)
    if isinstance(error, UnknownModelError):
        return f"model unknown: {model}"
    first = str(error).split(". ", 1)[0].split("; ", 1)[0].removesuffix(".")
    return f"{first}: {model}" if isinstance(error, SourceError) and model and model not in first else first


def compared(
    metric: str, measured: float | None, estimated: float | None, interval: Interval | None = None, unit: float = 1
) -> tuple[Comparison, ...]:
    """A metric in its unit beside the estimate; nothing where one of the two is not known.

    A range of another share than 80 % says nothing of how often one of 80 % holds.
    """
    if measured is None or estimated is None:
        return ()
    low = high = None
    if interval is not None and interval.level == 0.8:
        low, high = interval.low / unit, interval.high / unit
    return (Comparison(metric=metric, measured=measured, estimated=estimated / unit, low=low, high=high),)
