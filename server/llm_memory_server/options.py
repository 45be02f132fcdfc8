"""The options of a command, made from the arguments of its question, and what was typed as what Python takes."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from llm_memory_calculator.errors import ArgumentError
from llm_memory_calculator.startup_logs import LONGEST

from .spoken import Spoken

_TYPES: dict[str, Any] = {
    "whole": int,
    "real": float,
    "flag": bool,
    "names": list[str],
    "model list": list[str],
    "hardware list": list[str],
    "workload list": list[str],
}
_SHOWN_AS = {
    "names": "NAME...",
    "hardware list": "NAME...",
    "workload list": "JSON|FILE...",
    "path": "FILE",
    "sides": "SIDE|HEIGHTxWIDTH",
    "mix": "LENGTH:SHARE,...",
    "lengths": "LENGTH|JSON|LENGTH:SHARE,...",
    "object": "JSON|FILE",
    "adapters": "JSON|PATH",
    "calibration": "JSON|PATH",
    "speculation": "JSON|MODEL",
}


def option_of(entry: Spoken) -> Parameter:
    """The option of an argument, None where it is not given; the model stands by its place."""
    argument, option = entry.argument, f"--{entry.name.replace('_', '-')}"
    kind: Any = _TYPES.get(argument.kind, str)
    default: Any = None
    if argument.kind == "log":
        shown: Any = typer.Argument(help="File of a start-up log; - for standard input.", metavar="FILE|-")
    elif argument.kind == "model list":
        text = f"{entry.description} A .txt file has one a line, - is standard input."
        shown = typer.Argument(help=text, metavar="MODEL...|FILE.txt|-", show_default=False)
    elif argument.kind == "model" and entry.default is MISSING:
        shown = typer.Argument(help=entry.description, metavar=entry.name.upper(), show_default=False)
    else:
        words = f"[{'|'.join(argument.words)}]" if argument.words else _SHOWN_AS.get(argument.kind)
        if argument.kind == "flag" and entry.default is not False:
            option = f"{option}/--no-{option[2:]}"
        shown = typer.Option(option, help=entry.description, metavar=words, show_default=False)
    if entry.required:
        default = Parameter.empty
    elif entry.default is False:
        default = False
    else:
        kind = kind | None
    return Parameter(entry.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown])


def value_of(entry: Spoken, typed: Any) -> Any:
    """What was typed as what Python takes; what it cannot be is left for the engine to refuse."""
    match entry.argument.kind:
        case "log":
            return _text(typed)
        case "adapters" | "calibration" | "speculation" if not typed.lstrip().startswith("{"):
            # a path or a name, which the engine opens
            return typed
        case "lengths" if typed.strip().isdigit():
            return int(typed)
        case "lengths":
            return _object(entry.name, typed)
        case "object" | "adapters" | "calibration" | "speculation" | "hardware" | "mix":
            return _object(entry.name, typed)
        case "hardware list":
            return [_object(entry.name, one) for one in typed]
        case "model list":
            return [model for one in typed for model in _models(one)]
        case "workload list":
            return [load for one in typed for load in _several(_object(entry.name, one))]
    return typed


def _models(typed: str) -> list[Any]:
    """A model, or those that a file of their names has, one a line."""
    if typed.lstrip().startswith("{"):
        return [_object("models", typed)]
    if typed != "-" and not typed.endswith(".txt"):
        return [typed]
    try:
        lines = sys.stdin.read() if typed == "-" else Path(typed).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"models must be names or a .txt file of them, and {typed[:60]!r} is not: {error}."
        ) from None
    return [line.strip() for line in lines.splitlines() if line.strip()]


def _several(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _object(name: str, typed: str) -> Any:
    """The object that is JSON text or stands in a .json file; any other word as it is."""
    try:
        if typed.endswith(".json"):
            return json.loads(Path(typed).read_text(encoding="utf-8"))
        if typed.lstrip().startswith(("{", "[{")):
            return json.loads(typed)
    except (OSError, ValueError, RecursionError) as error:
        raise ArgumentError(
            f"{name} must be JSON text or a .json file of it, and {typed[:60]!r} is not: {error}."
        ) from None
    return typed


def _text(place: str) -> str:
    """What a file holds, or standard input; bytes that are no text are replaced."""
    try:
        body = sys.stdin.buffer.read(_MOST_BYTES + 1) if place == "-" else _read(Path(place))
    except OSError as error:
        raise ArgumentError(f"FILE must be a start-up log, or - for standard input: {error}.") from None
    return body.decode("utf-8", errors="replace")


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MOST_BYTES + 1)


# No character takes more, so that what is longer than the engine reads is refused there.
_MOST_BYTES = 4 * LONGEST
