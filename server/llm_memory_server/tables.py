"""Tables of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from llm_memory_calculator import Accelerator, ComparisonReport, LayoutReport, LocalHardware, Price
from llm_memory_calculator.report import Line
from llm_memory_calculator.sentences import amount, layout_of, lines_of, sentences_of, walked
from llm_memory_calculator.units import GB

from .answers import json_values


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


def report_table(report: Any) -> RenderableType:
    """The answer to a question: its sentences, what is compared in rows, and its numbers in a tree."""
    lines = lines_of(report)
    tree = [_lines_table(lines)] if lines else []
    if isinstance(report, LayoutReport):
        return Group(_layouts_table(report), *tree)
    if isinstance(report, ComparisonReport):
        return Group(_comparison_table(report), *tree)
    return Group(*map(Text, sentences_of(report)), *tree)


def _lines_table(lines: Iterable[Line]) -> RenderableType:
    """A tree of lines: name, value with its unit, and why."""
    table = _facts()
    table.columns[1].justify = "right"
    table.add_column(overflow="fold")
    for depth, line in walked(lines):
        table.add_row(Text("  " * depth + line.name), amount(line), Text(line.why))
    return table


def _layouts_table(report: LayoutReport) -> RenderableType:
    table = _table("layout", "devices", "output tokens/s", "TTFT ms", "TPOT ms", "memory")
    for row in (report.best, *report.others):
        table.add_row(*_layout_cells(row))
    best, *_, fitting = sentences_of(report)
    return Group(Text(best), table, fitting)


def _layout_cells(row: Any) -> Iterable[str]:
    return (
        layout_of(row),
        str(row.devices),
        f"{row.output_tokens_per_s:,.1f}",
        f"{row.ttft_ms:,.1f}",
        f"{row.tpot_ms:,.2f}",
        f"{row.memory_share:.0%}",
    )


def _comparison_table(report: ComparisonReport) -> RenderableType:
    columns = ("layout", "devices", "output tokens/s", "TTFT ms", "TPOT ms", "memory", "$ in", "$ out", "evidence")
    most = {"batch": "sequences", "context": "tokens"}.get(report.goal)
    table = _table("hardware", *([most] if most else []), *columns)
    first, *others = sentences_of(report)
    for row in report.rows:
        if row.layout is not None:
            amount = [f"{row.max_batch_size or row.longest_context or 0:,}"] if most else []
            cost = (_dollars(row.usd_per_million_input_tokens), _dollars(row.usd_per_million_output_tokens))
            table.add_row(row.hardware, *amount, *_layout_cells(row.layout), *cost, row.evidence or "")
    numbered = [row for row in report.rows if row.fits or row.layout is not None]
    untimed = [line for row, line in zip(numbered, others, strict=False) if row.layout is None]
    return Group(Text(first), table, *map(Text, (*untimed, *others[len(numbered) :])))


def _dollars(value: float | None) -> str:
    """Of a million tokens."""
    return "-" if value is None else f"{value:,.2f}"


def accelerators_table(accelerators: Iterable[Accelerator]) -> RenderableType:
    table = _table("name", "type", "GB", "GB/s", "16-bit TFLOPS", "fp8 TFLOPS", "link GB/s", "node")
    for entry in accelerators:
        config = entry.to_config()
        fp8 = entry.peak_flops.get("fp8")
        table.add_row(
            entry.name,
            entry.type,
            f"{entry.memory_gb:g}",
            f"{entry.memory_bandwidth / GB:,.0f}",
            f"{config['Flops']:g}" if "Flops" in config else "-",
            f"{fp8 / 1e12:g}" if fp8 else "-",
            f"{config['ICN']:g}" if "ICN" in config else "-",
            str(entry.devices_per_node),
        )
    return table


def accelerator_facts(entry: Accelerator, today: date, count: int | None = None) -> dict[str, Any]:
    """One accelerator in the original's keys, with all else that the catalogue knows of it.

    count: devices of it that its name said, as a cloud instance type does. A price that is old says its age.
    reading: what of that name was not taken to the letter.
    """
    facts = {
        "devices": count,
        "reading": entry.reading,
        "architecture": entry.architecture,
        "released": entry.released,
        "compute_capability": entry.compute_capability,
        "memory_bus_bits": entry.memory_bus_bits,
        "memory_is_maximum": entry.memory_is_maximum or None,
        "usable_memory_bytes": entry.usable_memory_bytes,
        "cache_bytes": entry.cache_bytes,
        "tdp_w": entry.tdp_w,
        "link": json_values(entry.link, derived=True),
        "host_link": json_values(entry.host_link, derived=True),
        "network": json_values(entry.network, derived=True),
        "link_domain": entry.link_domain,
        "runtime_devices": entry.runtime_devices if entry.runtime_devices > 1 else None,
        "boards": dict(entry.boards),
        "pci_ids": list(entry.pci_ids),
        "instances": dict(entry.instances),
        "prices": [_price_facts(price, today) for price in entry.prices],
        "disputed": dict(entry.disputed),
        "aliases": list(entry.aliases),
        "sources": [json_values(source, derived=True) for source in entry.sources],
    }
    return entry.to_config() | {name: value for name, value in facts.items() if value not in (None, [], {})}


def accelerator_table(entry: Accelerator, today: date, count: int | None = None) -> RenderableType:
    table = _facts()
    for name, value in accelerator_facts(entry, today, count).items():
        if name == "sources":
            for source in value:
                table.add_row(
                    "source", f"{source['title']} ({source['date']}) {source['url']}: {', '.join(source['facts'])}"
                )
        elif name == "prices":
            for price in entry.prices:
                table.add_row("price", _price(price, today))
        elif name == "disputed":
            for fact, said in value.items():
                table.add_row("disputed", f"{fact}: {said}")
        elif name in ("link", "host_link", "network"):
            table.add_row(name, f"{value['name']}, {value['bandwidth'] / GB:g} GB/s in each direction")
        elif isinstance(value, dict):
            table.add_row(name, ", ".join(f"{key}: {number:g}" for key, number in value.items()))
        else:
            table.add_row(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return table


def _price_facts(price: Price, today: date) -> dict[str, Any]:
    age = {"age_days": price.age_days(today)} if price.is_old(today) else {}
    return {**json_values(price, derived=True), **age}


def _price(price: Price, today: date) -> str:
    what = f"{price.instance}, {price.devices} devices" if price.instance else f"{price.devices} device(s)"
    where = f" in {price.region}" if price.region else ""
    alone = " without the machine" if price.without_host else ""
    # a date without its day may be as old as its first
    up_to = "up to " if price.date.count("-") < 2 else ""
    age = f", {up_to}{price.age_days(today)} days ago" if price.is_old(today) else ""
    return (
        f"{price.provider} {what}{alone}{where}, {price.tier}: {price.usd_per_hour:g} USD an hour, "
        f"{price.usd_per_device_hour:.3g} a device ({price.date}{age}) {price.url}"
    )


def local_facts(found: LocalHardware) -> dict[str, Any]:
    """What was found on this machine, each device with its entry of the catalogue by name."""
    return {
        "devices": [
            {
                "name": device.name,
                "count": device.count,
                "memory_bytes": device.memory_bytes,
                "pci_id": device.pci_id,
                "found_by": device.found_by,
                "hardware": device.match.accelerator.name if device.match.accelerator else None,
                "confidence": device.match.confidence,
                "reason": device.match.reason,
                "nearest": list(device.match.nearest),
            }
            for device in found.devices
        ],
        "problems": list(found.problems),
    }


def local_table(found: LocalHardware) -> RenderableType:
    if found.devices:
        table = _table("found", "devices", "GB", "by", "catalogue")
        for device in found.devices:
            entry = device.match.accelerator
            table.add_row(
                Text(device.name),
                str(device.count),
                f"{device.memory_bytes / GB:,.1f}" if device.memory_bytes else "-",
                device.found_by,
                f"{entry.name} ({device.match.confidence})" if entry else "not found",
            )
    else:
        table = _facts()
        table.add_row("No accelerator or processor was found: no tool of a vendor is here, and the system names none.")
    unmatched = [device for device in found.devices if not device.match]
    near = [(device, ", ".join(device.match.nearest)) for device in unmatched]
    return Group(
        table,
        *(Text(f"{device.match.reason}{f' Nearest: {names}.' if names else ''}") for device, names in near),
        *(Text(problem) for problem in found.problems),
    )


def names_table(names: Iterable[str]) -> RenderableType:
    return Group(*names)
