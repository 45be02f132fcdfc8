"""Measured rows of a CSV file. A blank cell is not stated, a column that the file lacks is blank in every row."""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError, CalculatorError, shown

_SEPARATORS = (",", ";", "\t")
_BLANK = frozenset({"", "nan", "none", "null", "n/a"})
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Columns by what others call them; those that share a line are one, and where a file has several the first is meant.
_CALLED = {
    "model": "model_name model_id",
    "hardware": "card gpu_type gpu_name",
    "engine": "framework serving_engine",
    "engine_version": "framework_version",
    "concurrency": "users num_users concurrent_users conc",
    "input_tokens": "isl input_len input_length prompt_len prompt_length mean_input_tokens",
    "output_tokens": "osl output_len output_length mean_output_tokens",
    "ttft_ms": "ttft mean_ttft_ms mean_ttft ttft_mean_ms ttft_mean avg_ttft_ms time_to_first_token_ms "
    "time_to_first_token",
    "tpot_ms": "tpot mean_tpot_ms mean_tpot tpot_mean_ms tpot_mean avg_tpot_ms time_per_output_token_ms itl_ms itl "
    "mean_itl_ms mean_itl inter_token_latency_ms",
    "e2e_ms": "e2e e2el_ms mean_e2el_ms mean_e2e_ms e2e_latency_ms end_to_end_ms",
    "output_tokens_per_s": "output_throughput output_token_throughput output_tps output_tokens_per_second",
    "tp": "tp_size tensor_parallel_size",
    "pp": "pp_size pipeline_parallel_size",
    "dp": "dp_size data_parallel_size",
    "ep": "ep_size expert_parallel_size",
    "devices": "gpus num_gpus n_gpus num_devices",
}
_SAME = {
    "tp": "tensor_parallel",
    "pp": "pipeline_parallel",
    "dp": "data_parallel",
    "ep": "expert_parallel",
    "output_tokens_per_s": "output_tok_s",
}
_MEANT = {word: name for name, words in _CALLED.items() for word in (name, *words.split())}


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
    columns = _meant([column.strip().lower() for column in lines[0]])
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


def _meant(columns: list[str]) -> tuple[str, ...]:
    """The columns by their names here, where a file has them by others' alone."""
    found, known = list[str](), set(columns)
    for column in columns:
        name = _MEANT.get(re.sub(r"[^a-z0-9]+", "_", column).strip("_"), column)
        if name != column and not known.isdisjoint((name, _SAME.get(name, name))):
            name = column
        known.add(name)
        found.append(name)
    return tuple(found)


def _cell(text: str) -> str:
    stripped = text.strip()
    return "" if stripped.lower() in _BLANK else stripped
