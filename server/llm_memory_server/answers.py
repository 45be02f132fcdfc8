"""What of a report is answered: all of it or its short form, and as JSON values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any


def shown(report: Any, detail: object) -> Any:
    """What of a report is answered for the `detail` that was asked for, in any case as the engine takes it."""
    return report if str(detail).lower() == "full" else _concise(report)


def _concise(report: Any) -> Any:
    """The report without its long parts, and without notes that only say where facts are from."""
    from llm_memory_calculator import EndToEndReport
    from llm_memory_calculator.sentences import weighty

    shorter = replace(report, notes=weighty(report.notes))
    if isinstance(shorter, EndToEndReport):
        return replace(shorter, prefill_phase=None, decode_phase=None)
    return shorter


def json_values(report: object, *, derived: bool = False) -> Any:
    """The fields of a report, nested ones too; with `derived`, what it derives (`total_memory_gb`) beside them."""
    if is_dataclass(report) and not isinstance(report, type):
        values = {field.name: json_values(getattr(report, field.name), derived=derived) for field in fields(report)}
        return values | _derived(report) if derived else values
    if isinstance(report, (tuple, list, set, frozenset)):
        return [json_values(entry, derived=derived) for entry in report]
    if isinstance(report, dict):
        return {str(key): json_values(value, derived=derived) for key, value in report.items()}
    return report


def _derived(report: object) -> dict[str, float]:
    names = (name for name, value in vars(type(report)).items() if isinstance(value, property))
    return {name: value for name in names if isinstance(value := getattr(report, name), (int, float))}
