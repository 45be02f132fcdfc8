"""The few lines of text that stand beside a structured answer, and the concise form of a report."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from llm_memory_calculator import (
    BatchReport,
    ComparisonReport,
    EndToEndReport,
    Interval,
    LayoutReport,
    MemoryReport,
    Note,
)
from llm_memory_calculator.units import GB

Report = TypeVar("Report", MemoryReport, EndToEndReport, LayoutReport, ComparisonReport, BatchReport)
# Origins of notes that change how an answer is to be read; the others say where facts are from.
_WEIGHTY = ("warning", "override", "assumption")


def concise(report: Report) -> Report:
    """The report without its long parts and without notes on defaults."""
    shorter = replace(report, notes=_weighty(report.notes))
    if isinstance(shorter, EndToEndReport):
        return replace(shorter, prefill_phase=None, decode_phase=None)
    return shorter


def text_of(report: Report) -> str:
    """The short answer, then each warning, override and assumption on a line of its own."""
    return "\n".join([*headline(report), *(f"{note.origin}: {note.text}" for note in _weighty(report.notes))])


def headline(report: Report) -> list[str]:
    """The lines of the short answer, without notes."""
    lines: list[str] = _HEADLINES[type(report)](report)
    return lines


def _weighty(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple(note for note in notes if note.origin in _WEIGHTY)


def _gb(value: float) -> str:
    return f"{value / GB:,.1f} GB"


def _ms(value: float) -> str:
    return f"{value:,.1f} ms" if value < 1e4 else f"{value / 1e3:,.1f} s"


def _range(interval: Interval) -> str:
    return f"{_ms(interval.low)} to {_ms(interval.high)}"


def layout_of(row: Any) -> str:
    """The layout of a report or row in words."""
    parts = [
        f"{word} {getattr(row, name)}"
        for word, name in (
            ("tensor", "tensor_parallel"),
            ("pipeline", "pipeline_parallel"),
            ("data", "data_parallel"),
            ("expert", "expert_parallel"),
        )
        if getattr(row, name, 1) > 1
    ]
    return " x ".join(parts) if parts else "one device"


def _load(report: Any) -> str:
    return f"batch {report.batch_size:,}, {report.input_tokens:,} tokens in, {report.output_tokens:,} out"


def _memory(report: MemoryReport) -> list[str]:
    interval = report.total_memory_interval
    parts = ", ".join(f"{name} {_gb(value)}" for name, value in report.parts() if value)
    where = "one device" if report.devices == 1 else f"{report.worst_device} of {report.devices} ({layout_of(report)})"
    lines = [
        f"{report.model} ({report.precision} weights, {report.kv_precision} KV cache, batch {report.batch_size:,} x "
        f"{report.seq_length:,} tokens) needs {_gb(report.total_memory_bytes)} on {where} "
        f"({_gb(interval.low)} to {_gb(interval.high)}): {parts}.",
    ]
    if report.device_budget_bytes is not None:
        verdict = "fits" if report.fits_device else "does NOT fit"
        lines.append(f"It {verdict} the device named, of which {_gb(report.device_budget_bytes)} may be used.")
    fits = ", ".join(f"{fit.devices} x {fit.hardware}" for fit in report.fits)
    lines.append(
        f"Fewest devices of one node that hold it: {fits}." if fits else "It fits no single node of those known."
    )
    return lines


def _end_to_end(report: EndToEndReport) -> list[str]:
    decode, last = "", "of the last prompt " if report.batch_size > 1 else ""
    if report.tpot_ms is not None and report.tpot_interval_ms is not None:
        decode = f" TPOT {_ms(report.tpot_ms)} ({_range(report.tpot_interval_ms)}), {report.decode_bound}-bound;"
    return [
        f"{report.model} ({report.precision}) on {report.devices} x {report.hardware} ({layout_of(report)}), "
        f"{_load(report)}: TTFT {last}{_ms(report.ttft_ms)} ({_range(report.ttft_interval_ms)}), "
        f"{report.prefill_bound}-bound;{decode} {report.output_tokens_per_s:,.0f} output tokens/s, "
        f"{_ms(report.total_ms)} in all."
    ]


def _row(row: Any) -> str:
    return (
        f"{layout_of(row)} on {row.devices}: {row.output_tokens_per_s:,.0f} output tokens/s, TTFT {_ms(row.ttft_ms)}, "
        f"TPOT {_ms(row.tpot_ms)}, memory {row.memory_share:.0%}"
    )


def _layouts(report: LayoutReport) -> list[str]:
    lines = [
        f"Best for {report.goal} of {report.model} ({report.precision}) on up to {report.devices} x {report.hardware}, "
        f"{_load(report)}: {_row(report.best)}.",
    ]
    lines += [f"Next: {_row(row)}." for row in report.others]
    lines.append(f"{report.fitting} of {report.considered} layouts fit.")
    return lines


def _comparison(report: ComparisonReport) -> list[str]:
    lines = [
        f"{report.model} ({report.precision}), {_load(report)}, best first of {report.compared} for {report.goal}:"
    ]
    for number, row in enumerate(report.rows, 1):
        if row.layout is None:
            lines.append(f"{row.hardware}: no. {row.reason}")
        else:
            evidence = "" if row.evidence == "measured" else f" (evidence: {row.evidence})"
            spread = f", TPOT range {_range(row.tpot_interval_ms)}" if row.tpot_interval_ms else ""
            lines.append(f"{number}. {row.hardware}, {_row(row.layout)}{spread}{evidence}")
    return lines


def _batch(report: BatchReport) -> list[str]:
    devices = report.hardware if report.devices == 1 else f"{report.devices} x {report.hardware} ({layout_of(report)})"
    return [
        f"{report.model} ({report.precision} weights, {report.kv_precision} KV cache) on {devices}: at "
        f"most {report.max_batch_size:,} sequences of {report.seq_length:,} tokens. {report.reason}",
        f"On the fullest device: weights {_gb(report.weight_memory_bytes)}, KV cache {_gb(report.kv_cache_bytes)}, "
        f"activations {_gb(report.activation_memory_bytes)}, overhead {_gb(report.extra_work_bytes)} of "
        f"{_gb(report.device_budget_bytes)}.",
    ]


_HEADLINES: dict[type, Any] = {
    MemoryReport: _memory,
    EndToEndReport: _end_to_end,
    LayoutReport: _layouts,
    ComparisonReport: _comparison,
    BatchReport: _batch,
}


def plain(report: object) -> Any:
    """A report as JSON values, with what it derives (`total_memory_gb`, `can_fit_24gb_gpu`) beside its fields."""
    if is_dataclass(report) and not isinstance(report, type):
        found = {field.name: plain(getattr(report, field.name)) for field in fields(report)}
        derived = (name for name, value in vars(type(report)).items() if isinstance(value, property))
        return found | {
            name: value for name in derived if isinstance(value := getattr(report, name), (int, float, bool))
        }
    if isinstance(report, (tuple, list, set, frozenset)):
        return [plain(entry) for entry in report]
    if isinstance(report, dict):
        return {str(key): plain(value) for key, value in report.items()}
    return report
