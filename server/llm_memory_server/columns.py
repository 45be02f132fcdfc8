"""The rows of a comparison, and plans, as columns and rows: each name once, and no column that says nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from llm_memory_calculator import Interval, Plan

from .answers import json_values, rounded

PATHS = {
    "hardware": "hardware",
    "devices": "devices",
    "tensor_parallel": "layout.tensor_parallel",
    "pipeline_parallel": "layout.pipeline_parallel",
    "data_parallel": "layout.data_parallel",
    "expert_parallel": "layout.expert_parallel",
    "max_batch_size": "max_batch_size",
    "longest_context": "longest_context",
    "input_tokens": "input_tokens",
    "ranked_by": "ranked_by",
    "ranked_by_range": "ranked_by_interval",
    "output_tokens_per_s": "layout.output_tokens_per_s",
    "output_tokens_per_s_range": "output_tokens_per_s_interval",
    "decode_tokens_per_s": "layout.decode_tokens_per_s",
    "decode_tokens_per_s_range": "decode_tokens_per_s_interval",
    "ttft_ms": "layout.ttft_ms",
    "ttft_range_ms": "ttft_interval_ms",
    "tpot_ms": "layout.tpot_ms",
    "tpot_range_ms": "tpot_interval_ms",
    "usd_per_million_input_tokens": "usd_per_million_input_tokens",
    "usd_per_million_output_tokens": "usd_per_million_output_tokens",
    "evidence": "evidence",
    "borderline": "layout.borderline",
    "equal": "equal",
    "reason": "reason",
    "usd_per_hour": "usd_per_hour",
    "output_tokens_per_s_per_device": "output_tokens_per_s_per_device",
    "output_tokens_per_joule": "output_tokens_per_joule",
    "prefill_tokens_per_s": "layout.prefill_tokens_per_s",
    "micro_batch": "layout.micro_batch",
    "memory_share": "layout.memory_share",
    "missing_bytes": "missing_bytes",
    "devices_needed": "devices_needed",
    "ledger": "ledger",
}
"""Columns by the fields that they show."""
# Where nothing else is in a column, it is left out.
_SAYS_NOTHING: tuple[object, ...] = (None, False, [])
# Of full detail alone, what others of a row say too.
_FULL = (
    "decode_tokens_per_s",
    "decode_tokens_per_s_range",
    "usd_per_hour",
    "output_tokens_per_s_per_device",
    "output_tokens_per_joule",
    "prefill_tokens_per_s",
    "micro_batch",
    "memory_share",
    "ledger",
)
_DIGITS, _DIGITS_OF_PLANS, _DIGITS_OF_FACTS = 4, 3, 6


def in_columns(rows: Sequence[Any], *, full: bool) -> dict[str, Any]:
    """`columns` and, in their order, the values of each row; numbers to four digits, ranges as [low, high]."""
    shown = [name for name in PATHS if full or name not in _FULL]
    return _table({name: [_value(row, PATHS[name]) for row in rows] for name in shown})


def plans_in_columns(
    plans: Sequence[Plan], left_out: Container[str], told: Callable[[Any], Any] = json_values
) -> dict[str, Any]:
    """The same of plans, whose columns are their fields, but for some; all but prices to three digits, as in the
    text. told: what is made of a value that is no number."""
    names = [item.name for item in fields(Plan) if item.name not in left_out]
    digits = {name: _DIGITS if name.startswith("usd") else _DIGITS_OF_PLANS for name in names}
    return _table({name: [_value(plan, name, digits[name], told) for plan in plans] for name in names})


def facts_in_columns(rows: Sequence[Any]) -> dict[str, Any]:
    """The same of accelerators that were searched for."""
    return _table({item.name: [_value(row, item.name, _DIGITS_OF_FACTS) for row in rows] for item in fields(rows[0])})


def _table(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    told = {name: values for name, values in columns.items() if _says_something(name, values)}
    return {"columns": list(told), "rows": [list(row) for row in zip(*told.values(), strict=True)]}


def _says_something(name: str, values: Iterable[Any]) -> bool:
    nothing = (*_SAYS_NOTHING, 1) if name.endswith("_parallel") else _SAYS_NOTHING
    return any(value not in nothing for value in values)


def _value(row: Any, path: str, digits: int = _DIGITS, told: Callable[[Any], Any] = json_values) -> Any:
    found = row
    for name in path.split("."):
        found = None if found is None else getattr(found, name)
    if isinstance(found, Interval):
        found = found.low, found.high
    if isinstance(found, tuple):
        return [rounded(one, digits) if isinstance(one, float) else one for one in found]
    return rounded(found, digits) if isinstance(found, float) else told(found)
