"""Where the rows of a sweep go as they come: a table, a CSV file, or a folder of Parquet files."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..errors import ArgumentError
from .columns import Cell, Columns, kept, require_columns
from .rows import SweepRow


class Output(Protocol):
    models: frozenset[str]
    """Models that it has already."""

    def add(self, rows: Sequence[SweepRow]) -> None:
        """Take all rows of one model."""

    def close(self) -> None:
        """Let what was taken be there for others."""


class Listed:
    """Rows that are themselves the answer."""

    def __init__(self, columns: Columns) -> None:
        self.models: frozenset[str] = frozenset()
        self.rows: dict[str, list[tuple[Cell, ...]]] = {}
        self._columns = columns
        # the table needs it, and it takes a second: not once the sweep is cancelled
        import_module("pandas")

    def add(self, rows: Sequence[SweepRow]) -> None:
        self.rows[rows[0].model] = [self._columns.cells(row) for row in rows]

    def close(self) -> None:
        pass


class CsvFile:
    """A CSV file, one line a row, written to its end after each model.

    A model whose lines were cut off, as by the end of a process, is taken away when the file is opened again.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        if path.is_dir():
            raise ArgumentError(f"output {str(path)!r} is a folder; name a file.")
        self._columns = columns
        self.models, end = _of_csv(path, columns) if path.exists() else (frozenset(), 0)
        self._stream = path.open("a", encoding="utf-8", newline="")
        self._stream.truncate(end)
        self._writer = csv.writer(self._stream, lineterminator="\n")
        if end == 0:
            self._writer.writerow(columns.kinds)
            self._stream.flush()

    def add(self, rows: Sequence[SweepRow]) -> None:
        self._writer.writerows(map(self._columns.cells, rows))
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def _of_csv(path: Path, columns: Columns) -> tuple[frozenset[str], int]:
    """The models of a file, and where the last of them ends; 0 where not even its heading is whole."""
    with path.open("rb") as stream:
        heading = stream.readline()
        if not heading.endswith(b"\n") and ",".join(columns.kinds).encode().startswith(heading):
            return frozenset(), 0
        require_columns(str(path), _split(heading), columns)
        found = kept(str(path), _lines(stream, len(heading)), columns, start=len(heading), cut_off=True)
    return found.models, found.end


def _lines(stream: BinaryIO, start: int) -> Iterator[tuple[int, list[str]]]:
    """Each line with where it ends, but for one that was cut off. (No cell has a line's end in it.)"""
    end = start
    for line in stream:
        end += len(line)
        if line.endswith(b"\n"):
            yield end, _split(line)


def _split(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", errors="replace")]), [])


class ParquetParts:
    """A folder of Parquet files, which pandas, DuckDB, Polars and Dask read as one table.

    A Parquet file can be read only when it is closed, and then takes no more: so what came within some seconds is a
    file of its own, which has its name when it is whole.
    """

    ROWS, SECONDS = 100_000, 5.0
    """What is gathered for a file at most."""

    def __init__(self, path: Path, columns: Columns) -> None:
        if path.is_file():
            raise ArgumentError(f"output {str(path)!r} is a file, to which nothing can be added; name a new folder.")
        self._arrow, self._parquet = _arrow(path, "pyarrow"), _arrow(path, "pyarrow.parquet")
        self._path, self._columns = path, columns
        path.mkdir(exist_ok=True)
        parts = sorted(path.glob("part-*.parquet"))
        self.models = kept(str(path), self._rows_of(parts), columns).models
        self._next = 1 + max((int(part.stem.removeprefix("part-")) for part in parts), default=-1)
        self._rows: list[tuple[Cell, ...]] = []
        self._since = time.monotonic()

    def _rows_of(self, parts: Sequence[Path]) -> Iterator[tuple[int, Sequence[object]]]:
        names = list(self._columns.kinds)[: 1 + len(self._columns.keys[0])]
        for part in parts:
            try:
                found = self._parquet.ParquetFile(part)
                require_columns(str(self._path), found.schema_arrow.names, self._columns)
                cells = found.read(columns=names).to_pydict()
            except self._arrow.ArrowInvalid as error:
                raise ArgumentError(f"output {str(part)!r} cannot be read ({error}); take it away.") from None
            for row in zip(*(cells[name] for name in names), strict=True):
                yield 0, row

    def add(self, rows: Sequence[SweepRow]) -> None:
        self._rows += map(self._columns.cells, rows)
        if len(self._rows) >= self.ROWS or time.monotonic() - self._since >= self.SECONDS:
            self._write()

    def close(self) -> None:
        if self._rows:
            self._write()

    def _write(self) -> None:
        arrow, kinds = self._arrow, self._columns.kinds
        types = {"whole": arrow.int64(), "real": arrow.float64(), "flag": arrow.bool_(), "text": arrow.string()}
        schema = arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
        columns = zip(*self._rows, strict=True)
        arrays = [arrow.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)]
        part = self._path / f"part-{self._next:05d}.parquet"
        # readers of a folder pass over names that begin with a point
        unfinished = self._path / ".unfinished"
        self._parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), unfinished)
        os.replace(unfinished, part)
        self._rows, self._next, self._since = [], self._next + 1, time.monotonic()


def _arrow(path: Path, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise ArgumentError(
            f"output {str(path)!r} needs pyarrow: pip install 'llm-memory-calculator[parquet]', or name a .csv file."
        ) from None


_KINDS: dict[str, Callable[[Path, Columns], Output]] = {".csv": CsvFile, ".parquet": ParquetParts}


def opened(file: str, columns: Columns) -> Output:
    """The file of a sweep, with what it has already. Raises ArgumentError where that is of another question."""
    path = Path(file)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ArgumentError(f"output must end in {' or '.join(_KINDS)}, and is {file!r}.")
    if not path.parent.is_dir():
        raise ArgumentError(f"output {file!r} is in a folder that is not there; make {str(path.parent)!r} first.")
    return kind(path, columns)
