"""What a command prints: a table for people, one JSON document for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .answers import json_values

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
"""The option that every command which answers has."""


def show(report: Any, as_json: bool, table: Callable[[Any], Any]) -> None:
    """A report as a table with its notes, or as JSON."""
    if as_json:
        _print(lambda: typer.echo(json.dumps(json_values(report, derived=True), indent=2, allow_nan=False)))
    else:
        _print(lambda: _print_table(report, table))


def _print(say: Callable[[], None]) -> None:
    try:
        say()
        sys.stdout.flush()
    except BrokenPipeError:
        # nothing more can be said to a reader that has gone, and that is no error
        silence()
        raise typer.Exit from None


def show_text(said: Any, as_json: bool) -> None:
    """Rows as they are, or a report as its own sentence."""
    if isinstance(said, str):
        said = said.rstrip("\n")
    else:
        said = json.dumps(json_values(said), indent=2) if as_json else str(said)
    _print(lambda: typer.echo(said))


def _print_table(report: Any, table: Callable[[Any], Any]) -> None:
    from .tables import Output

    # piped output has no width of its own, and names are not to be cut
    console = Output(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table(report))
    for note in getattr(report, "notes", ()):
        if note.origin != "default":
            console.print(f"{note.origin}: {note.text}", soft_wrap=True, markup=False)


def silence() -> None:
    """Let the interpreter's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
