"""What a type of Python is in a JSON schema."""

from __future__ import annotations

from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from llm_memory_calculator.report import HardwareRow, Plan

from .hardware_search import HardwareFacts

_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", NoneType: "null"}


def json_type(kind: Any) -> str | list[str]:
    """The word for it, or those of a union's parts."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return [str(json_type(part)) for part in get_args(kind)]
    if origin is Literal:
        return "string"
    if origin is tuple:
        # these are answered as columns and rows
        return "object" if get_args(kind)[0] in (HardwareRow, Plan, HardwareFacts) else "array"
    if origin is dict or is_dataclass(kind):
        return "object"
    return _PLAIN[kind]
