"""Write the schemas of the answers from the reports and the docstrings under their fields.

`python -m llm_memory_server.write_schemas` writes schemas.json beside this file, which the server loads when it starts:
to read docstrings from source at every start would take longer than all else that it does.
"""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import fields, is_dataclass
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import llm_memory_calculator

from .tools import SCHEMAS, TOPICS

_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", NoneType: "null"}


def answer_schemas() -> dict[str, Any]:
    """The JSON schema of each tool's structured answer, by tool."""
    return {name: _answer(get_type_hints(getattr(llm_memory_calculator, name))["return"]) for name in TOPICS}


def _answer(report: Any) -> dict[str, Any]:
    """The schema of a report, or of one of several: an object either way, as the protocol asks."""
    parts: dict[str, Any] = {}
    several = get_args(report)
    schema = {"type": "object"} | _values(report, parts) if several else _object(report, parts)
    return schema | {"$defs": parts}


def _object(report: type, parts: dict[str, Any]) -> dict[str, Any]:
    """A report's fields, all of which an answer has; the reports in them are added to `parts`."""
    hints, meanings = get_type_hints(report), _docstrings(report)
    names = [field.name for field in fields(report)]
    return {
        "type": "object",
        "description": inspect.getdoc(report),
        "properties": {name: _values(hints[name], parts) | {"description": meanings[name]} for name in names},
        "required": names,
    }


def _values(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
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
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _values(get_args(kind)[0], parts)}
    if get_origin(kind) is dict:
        return {"type": "object"}
    return {"type": _PLAIN[kind]}


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
    SCHEMAS.write_text(json.dumps(answer_schemas(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
