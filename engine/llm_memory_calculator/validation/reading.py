"""Measured rows of a CSV file. A blank cell is not stated, a column that the file lacks is blank in every row."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError, CalculatorError, shown

_SEPARATORS = (",", ";", "\t")
_BLANK = frozenset({"", "nan", "none", "null", "n/a"})
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class RefusedRow(CalculatorError):
    """A row that cannot be answered, by a reason that many rows may share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured row. Where several columns are named, the first that the file has is meant."""

    number: int
    """Counted from 1, without the header."""
    cells: Mapping[str, str]

    def text(self, *columns: str) -> str | None:
        """The cell's text; None where it is blank."""
        return next((self.cells[column] or None for column in columns if column in self.cells), None)

    def needed(self, *columns: str) -> str:
        """The cell's text. Raises RefusedRow where it is blank."""
        text = self.text(*columns)
        if text is None:
            raise RefusedRow(f"{columns[0]} not stated")
        return text

    def real(self, *columns: str) -> float | None:
        """The cell's number. Raises RefusedRow for what is none."""
        text = self.text(*columns)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise RefusedRow(f"{self._column(columns)} is no number")
        return number

    def whole(self, *columns: str) -> int | None:
        """The cell's whole number, which may be written as 4.0."""
        number = self.real(*columns)
        if number is not None and not number.is_integer():
            raise RefusedRow(f"{self._column(columns)} is no whole number")
        return None if number is None else int(number)

    def flag(self, *columns: str) -> bool | None:
        """The cell as true or false."""
        text = self.text(*columns)
        if text is not None and text.lower() not in _FLAGS:
            raise RefusedRow(f"{self._column(columns)} is neither True nor False")
        return None if text is None else _FLAGS[text.lower()]

    def _column(self, columns: tuple[str, ...]) -> str:
        return next(column for column in columns if column in self.cells)


@dataclass(frozen=True, slots=True)
class Measurements:
    """The rows of a file."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


Rows = str | os.PathLike[str] | Sequence[Mapping[str, object]]
"""A CSV file's path, or rows at hand: each an object by the names of its columns."""


def read(rows: Rows) -> Measurements:
    """The rows at hand, or of a CSV file in UTF-8, separated by commas, semicolons or tabs. Raises ArgumentError."""
    if not isinstance(rows, (str, os.PathLike)):
        return _at_hand(rows)
    name = os.fspath(rows)
    if not os.path.isfile(name):
        raise ArgumentError(f"There is no file {shown(name)}; give the path of a CSV file of measured rows.")
    try:
        with open(name, encoding="utf-8-sig", newline="") as file:
            separator = _separator(file.readline())
            file.seek(0)
            lines = [line for line in csv.reader(file, delimiter=separator, strict=True) if any(map(str.strip, line))]
    except OSError as error:
        raise ArgumentError(f"{shown(name)} cannot be read: {error.strerror}; check its permissions.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArgumentError(
            f"{shown(name)} is no CSV file in UTF-8 ({error}); give one with a header and a row a measurement."
        ) from None
    if not lines:
        raise ArgumentError(f"{shown(name)} is empty; give a CSV file with a header and a row a measurement.")
    return _measurements(name, lines)


def _at_hand(rows: Sequence[Mapping[str, object]]) -> Measurements:
    if not isinstance(rows, Sequence) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ArgumentError("rows must be the path of a CSV file, or a list of objects by the names of its columns.")
    named = [{str(name).strip().lower(): cell for name, cell in row.items()} for row in rows]
    columns = list(dict.fromkeys(name for row in named for name in row))
    lines = [["" if row.get(name) is None else str(row[name]) for name in columns] for row in named]
    return _measurements("rows", [columns, *lines])


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _measurements(name: str, lines: list[list[str]]) -> Measurements:
    columns = tuple(column.strip().lower() for column in lines[0])
    twice = [column for column, count in Counter(columns).items() if count > 1 and column]
    if twice:
        raise ArgumentError(f"The column {twice[0]!r} stands twice in {shown(name)}; leave one of them.")
    rows = []
    for number, line in enumerate(lines[1:], start=1):
        if len(line) > len(columns):
            raise ArgumentError(
                f"Row {number} of {shown(name)} has {len(line)} cells and the header {len(columns)}; "
                "put cells that hold the separator in quotes."
            )
        cells = (*map(_cell, line), *("",) * (len(columns) - len(line)))
        rows.append(Row(number, {column: cell for column, cell in zip(columns, cells, strict=True) if column}))
    return Measurements(columns=tuple(filter(None, columns)), rows=tuple(rows))


def _cell(text: str) -> str:
    stripped = text.strip()
    return "" if stripped.lower() in _BLANK else stripped
