"""Tables of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table

from llm_memory_calculator import (
    Accelerator,
    ComparisonReport,
    EndToEndReport,
    LayoutReport,
    MemoryReport,
)
from llm_memory_calculator.units import GB

from .answers import headline, layout_of, plain


class Output(Console):
    """The console, but for a reader that has gone: that is for the command line to end on, not an error."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _facts() -> Table:
    """A table of names and values without a header."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    return table


def memory_table(report: MemoryReport) -> RenderableType:
    table = _table(report.model, "GB")
    for name, value in report.parts():
        if value:
            table.add_row(name, f"{value / GB:,.2f}")
    low, high = report.total_memory_interval.low / GB, report.total_memory_interval.high / GB
    table.add_row("total of " + report.worst_device, f"{report.total_memory_gb:,.2f}", style="bold")
    table.add_row("range", f"{low:,.1f} to {high:,.1f}")
    return Group(*headline(report), table)


def performance_table(report: EndToEndReport) -> RenderableType:
    table = _table("", "ms", "range", "bound")
    rows = [("time to first token (TTFT)", report.ttft_ms, report.ttft_interval_ms, report.prefill_bound)]
    if report.tpot_ms is not None and report.tpot_interval_ms is not None:
        rows.append(
            ("time per output token (TPOT)", report.tpot_ms, report.tpot_interval_ms, report.decode_bound or "")
        )
    rows.append(("total", report.total_ms, report.total_interval_ms, ""))
    for name, value, interval, bound in rows:
        table.add_row(name, f"{value:,.2f}", f"{interval.low:,.1f} to {interval.high:,.1f}", bound)
    return Group(*headline(report), table)


def layouts_table(report: LayoutReport) -> RenderableType:
    table = _table("layout", "devices", "output tokens/s", "TTFT ms", "TPOT ms", "memory")
    for row in (report.best, *report.others):
        table.add_row(*_layout_cells(row))
    return Group(headline(report)[0], table, f"{report.fitting} of {report.considered} layouts fit.")


def _layout_cells(row: Any) -> Iterable[str]:
    return (
        layout_of(row),
        str(row.devices),
        f"{row.output_tokens_per_s:,.1f}",
        f"{row.ttft_ms:,.1f}",
        f"{row.tpot_ms:,.2f}",
        f"{row.memory_share:.0%}",
    )


def comparison_table(report: ComparisonReport) -> RenderableType:
    table = _table("hardware", "layout", "devices", "output tokens/s", "TTFT ms", "TPOT ms", "memory", "evidence")
    reasons = []
    for row in report.rows:
        if row.layout is None:
            reasons.append(f"{row.hardware}: {row.reason}")
        else:
            table.add_row(row.hardware, *_layout_cells(row.layout), row.evidence or "")
    return Group(table, *reasons)


def fields_table(report: Any) -> RenderableType:
    table = _facts()
    for field in fields(report):
        value = getattr(report, field.name)
        if field.name != "notes":
            table.add_row(field.name, f"{value:,}" if isinstance(value, (int, float)) else str(value))
    return table


def accelerators_table(accelerators: Iterable[Accelerator]) -> RenderableType:
    table = _table("name", "GB", "GB/s", "16-bit TFLOPS", "fp8 TFLOPS", "link GB/s", "node")
    for entry in accelerators:
        config = entry.to_config()
        fp8 = entry.peak_flops.get("fp8")
        table.add_row(
            entry.name,
            f"{entry.memory_gb:g}",
            f"{entry.memory_bandwidth / GB:,.0f}",
            f"{config.get('Flops', 0):g}",
            f"{fp8 / 1e12:g}" if fp8 else "-",
            f"{config.get('ICN', 0):g}",
            str(entry.devices_per_node),
        )
    return table


def accelerator_facts(entry: Accelerator) -> dict[str, Any]:
    """One accelerator in the original's keys, with what the runtime sees, its other names and its sources."""
    return entry.to_config() | {
        "usable_memory_bytes": entry.usable_memory_bytes,
        "aliases": list(entry.aliases),
        "sources": [plain(source) for source in entry.sources],
    }


def accelerator_table(entry: Accelerator) -> RenderableType:
    table = _facts()
    for name, value in accelerator_facts(entry).items():
        if name == "sources":
            for source in value:
                table.add_row(
                    "source", f"{source['title']} ({source['date']}) {source['url']}: {', '.join(source['facts'])}"
                )
        else:
            table.add_row(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return table


def names_table(names: Iterable[str]) -> RenderableType:
    return Group(*names)
