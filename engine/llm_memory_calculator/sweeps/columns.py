"""The table of a sweep: its columns, the cells of a row, and which rows a file of the same question has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..arguments import CompareHardware, declarations
from ..errors import ArgumentError
from .rows import Place, SweepRow, one_line

Cell = str | int | float | bool | None
Kind = Literal["whole", "real", "flag", "text"]

_AS: dict[str, Kind] = {"whole": "whole", "real": "real", "flag": "flag"}
_ALWAYS = ("batch_size", "input_tokens", "output_tokens")
_MEASURED: dict[str, Kind] = {
    field.name: "whole" if "int" in str(field.type) else "real" if "float" in str(field.type) else "text"
    for field in fields(SweepRow)
    if field.name not in ("model", "hardware", "workload")
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a question, and the key that each row of a model has, in their order."""

    of_workload: Mapping[str, Kind]
    workloads: tuple[tuple[Cell, ...], ...]
    """The cells that each workload has in these columns."""
    keys: tuple[tuple[str, ...], ...]
    """Hardware and workload of each row of a model, as text."""

    @property
    def kinds(self) -> dict[str, Kind]:
        return {"model": "text", "hardware": "text", **self.of_workload, **_MEASURED}

    def cells(self, row: SweepRow) -> tuple[Cell, ...]:
        measured = (getattr(row, name) for name in _MEASURED)
        return (row.model, row.hardware, *self.workloads[row.workload], *measured)


def columns_of(hardware: Sequence[Place], workloads: Sequence[Mapping[str, Any]]) -> Columns:
    """What tells two rows of a model apart: the accelerator, the load, and whatever else any of the workloads says."""
    questions = [CompareHardware("", **workload) for workload in workloads]
    said = {name for workload in workloads for name in workload}
    kinds: dict[str, Kind] = {}
    named: dict[str, str] = {}
    for name, _, argument in declarations(CompareHardware):
        if name in _ALWAYS or name in said:
            # how many devices a layout has is another column
            column = "devices_asked" if name == "devices" else name
            named[column] = name
            kinds[column] = _AS.get(argument.kind, "text")
    cells = tuple(tuple(_cell(getattr(question, name)) for name in named.values()) for question in questions)
    keys = tuple((place.name, *map(as_text, of_one)) for of_one in cells for place in hardware)
    if len(set(cells)) < len(cells):
        twice = next(of_one for of_one in cells if cells.count(of_one) > 1)
        raise ArgumentError(f"workloads has the same twice, {dict(zip(named, twice, strict=True))}; give it once.")
    return Columns(kinds, cells, keys)


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return one_line(value)
    if value is None or isinstance(value, (int, float, bool)):
        return value
    return json.dumps(value, default=str, sort_keys=True)


def as_text(cell: object) -> str:
    """A cell as a CSV file has it."""
    return "" if cell is None else str(cell)


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a file is of use."""

    models: frozenset[str]
    end: int
    """Place at which its whole models end."""


def kept(
    file: str, rows: Iterable[tuple[int, Sequence[object]]], columns: Columns, *, start: int = 0, cut_off: bool = False
) -> Kept:
    """The models whose rows are all there, of rows with the place at which each ends. cut_off: the last may lack some.

    Raises ArgumentError where the rows are of another question.
    """
    models, last, found, end = set[str](), None, 0, start
    width = 1 + len(columns.keys[0])
    for ends, row in rows:
        model, key = str(row[0]), tuple(map(as_text, row[1:width]))
        if found == 0:
            last = model
        if model != last or key != columns.keys[found]:
            raise _of_another(file, model, key, columns)
        found = (found + 1) % len(columns.keys)
        if found == 0:
            models.add(model)
            end = ends
    if found and not cut_off:
        raise _of_another(file, str(last), (), columns)
    return Kept(frozenset(models), end)


def _of_another(file: str, model: str, key: tuple[str, ...], columns: Columns) -> ArgumentError:
    which = f"a row ({', '.join(filter(None, key))})" if key and key not in columns.keys else "rows"
    return ArgumentError(
        f"output {file!r} has {which} of {model} that this question has not in this place: its hardware or its "
        "workloads were others; name another file, or ask as it was asked."
    )


def require_columns(file: str, found: Sequence[str], columns: Columns) -> None:
    """Raise ArgumentError where a file has other columns than the question."""
    wanted = list(columns.kinds)
    if list(found) != wanted:
        differ = [*(set(wanted) - set(found)), *(set(found) - set(wanted))]
        what = f"other columns ({', '.join(sorted(differ)[:4])})" if differ else "its columns in another order"
        raise ArgumentError(
            f"output {file!r} is of another question, with {what}; name another file, or ask as it was asked."
        )
