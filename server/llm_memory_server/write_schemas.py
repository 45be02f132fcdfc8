"""Write the list of the tools, and what their answers hold by the docstrings under the fields of the reports.

`python -m llm_memory_server.write_schemas` writes tools.json and schemas.json beside this file: to read declarations
and docstrings at every start would take longer than all else that a start does.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from llm_memory_calculator import Interval, Note
from llm_memory_calculator.report import HardwareRow, LayoutRow, Plan

from .answers import BY_NAME
from .columns import PATHS
from .described_tools import SCHEMAS
from .hardware_search import HardwareFacts
from .json_types import json_type
from .server import LISTED
from .tools import TOPICS, reports_of, tools

# What `answers.lean_values` makes of these.
AS_VALUES: dict[Any, dict[str, Any]] = {
    Interval: {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    Note: {"type": "string"},
}


def answer_schemas() -> dict[str, Any]:
    """The JSON schema of each tool's structured answer with the meaning of every field, by tool."""
    return {name: _answer(reports_of(topic.function)) for name, topic in TOPICS.items() if topic.told}


def listed_tools() -> list[dict[str, Any]]:
    """The tools as they are listed, as JSON."""
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools()]


def _answer(reports: tuple[type, ...]) -> dict[str, Any]:
    """The schema of a report, or of one of several: an object either way, as the protocol asks."""
    parts: dict[str, Any] = {}
    if len(reports) == 1:
        return _object(reports[0], parts) | {"$defs": parts}
    return {"type": "object", "anyOf": [_values(report, parts) for report in reports], "$defs": parts}


def _object(report: type, parts: dict[str, Any]) -> dict[str, Any]:
    """A report's fields, which an answer has where they say something; the reports in them are added to `parts`."""
    hints, meanings = get_type_hints(report), _docstrings(report)
    names = [field.name for field in fields(report)]
    return {
        "type": "object",
        "description": inspect.getdoc(report),
        "properties": {name: _values(hints[name], parts) | {"description": meanings[name]} for name in names},
    }


def _values(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    if kind in AS_VALUES:
        return dict(AS_VALUES[kind])
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in parts:
            # known before its fields are looked at: a line is made of lines
            parts[kind.__name__] = {}
            parts[kind.__name__] = _object(kind, parts)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if get_origin(kind) in (Union, UnionType):
        return {"anyOf": [_values(one, parts) for one in get_args(kind)]}
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is tuple and get_args(kind)[0] is HardwareRow:
        meanings = _docstrings(HardwareRow) | {f"layout.{name}": said for name, said in _docstrings(LayoutRow).items()}
        return _columns({name: meanings[path] for name, path in PATHS.items()})
    if get_origin(kind) is tuple and get_args(kind)[0] in (Plan, HardwareFacts):
        return _columns(_docstrings(get_args(kind)[0]))
    if get_origin(kind) is tuple and get_args(kind)[0].__name__ in BY_NAME:
        named, amount = BY_NAME[get_args(kind)[0].__name__]
        short = {"type": "object", "description": f"In short, {amount} by {named}."}
        return {"anyOf": [short, {"type": "array", "items": _values(get_args(kind)[0], parts)}]}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _values(get_args(kind)[0], parts)}
    return {"type": json_type(kind)}


def _columns(meanings: Mapping[str, str]) -> dict[str, Any]:
    """Rows of a comparison, or plans, as a tool answers them: the columns are named once, with what they mean."""
    said = "; ".join(f"{name}: {meaning.rstrip('.')}" for name, meaning in meanings.items())
    names = {"type": "array", "items": {"type": "string"}, "description": f"Those that say something, of: {said}."}
    rows = {"type": "array", "items": {"type": "array"}, "description": "The values of each, in the columns' order."}
    return {"type": "object", "properties": {"columns": names, "rows": rows}, "required": ["columns", "rows"]}


def _docstrings(report: type) -> dict[str, str]:
    """The docstring under each field of a dataclass and of those that it is made of, on one line."""
    made_of = [ast.parse(inspect.getsource(part)).body[0] for part in report.__mro__ if is_dataclass(part)]
    return {
        field.target.id: " ".join(below.value.value.split())
        for declared in reversed(made_of)
        if isinstance(declared, ast.ClassDef)
        for field, below in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


if __name__ == "__main__":
    for file, written in ((SCHEMAS, answer_schemas()), (LISTED, listed_tools())):
        file.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
