"""The rows of one model: every accelerator under every workload. What a worker runs, and all that it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import Accelerator, find_accelerator, get_best_rate

from ..api import each_compared, load_model
from ..arguments import CompareHardware
from ..errors import CalculatorError
from ..report import HardwareRow
from ..sentences import layout_of

if TYPE_CHECKING:
    from ..arguments import ModelLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model as it was asked for, by the name that its rows have."""

    name: str
    asked: ModelLike
    token: str | None = None
    refresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An accelerator by the name that its rows have; of the package's own catalogue nothing more need be sent."""

    name: str
    canonical: str
    devices: int | None = None
    own: Accelerator | None = None

    @property
    def accelerator(self) -> Accelerator:
        return find_accelerator(self.canonical) if self.own is None else self.own


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One model on one accelerator under one workload, in the accelerator's best layout."""

    model: str
    """The model, as it was asked for."""
    hardware: str
    """The accelerator, with its count where its name said one."""
    workload: int
    """Place of the workload among those asked for, from 0; a table has its numbers instead."""
    devices: int | None = None
    """Devices of the layout."""
    layout: str | None = None
    """How they share the model."""
    ttft_ms: float | None = None
    """Time to the first token of the last prompt of the batch, milliseconds."""
    tpot_ms: float | None = None
    """Mean time per output token after the first, milliseconds."""
    tpot_low_ms: float | None = None
    """Lower end of its range."""
    tpot_high_ms: float | None = None
    """Upper end of its range."""
    output_tokens_per_s: float | None = None
    """Output tokens a second over all devices, prefill included."""
    output_tokens_per_s_per_device: float | None = None
    """The same of each device."""
    usd_per_hour: float | None = None
    """Lowest on-demand list price of the devices, US dollars an hour; none where no price is known."""
    usd_per_million_output_tokens: float | None = None
    """That price over the output tokens of an hour."""
    evidence: str | None = None
    """What the efficiencies rest on."""
    error: str | None = None
    """Why there are no times, or why they may not be had, in a sentence."""


def answer(model: Named, hardware: Sequence[Place], workloads: Sequence[Mapping[str, Any]]) -> list[SweepRow]:
    """The rows of one model: the task of a worker."""
    return list(rows_of(model, hardware, workloads))


def rows_of(model: Named, hardware: Sequence[Place], workloads: Sequence[Mapping[str, Any]]) -> Iterator[SweepRow]:
    """A row for each accelerator under each workload, one after the other; what cannot be answered is a row too."""
    refusal, loaded = "", None
    try:
        loaded = load_model(model.asked, token=model.token, refresh=model.refresh)
    except CalculatorError as error:
        refusal = str(error)
    except Exception as fault:  # noqa: BLE001 - a fault of ours with one model must not end a sweep of thousands
        refusal = _reported(fault)
    for number, workload in enumerate(workloads):
        found = 0
        try:
            if loaded is not None:
                question = CompareHardware(loaded, **workload)
                places = [(place.accelerator, question.devices or place.devices) for place in hardware]
                for row in each_compared(question, places):
                    yield _row(model.name, hardware[found], number, row, places[found][0])
                    found += 1
        except CalculatorError as error:
            refusal = str(error)
        except Exception as fault:  # noqa: BLE001 - likewise
            refusal = _reported(fault)
        for place in hardware[found:]:
            yield SweepRow(model=model.name, hardware=place.name, workload=number, error=one_line(refusal))


def _reported(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault} (a fault of the calculator; please report it)"


def _row(model: str, place: Place, workload: int, row: HardwareRow, accelerator: Accelerator) -> SweepRow:
    layout, interval = row.layout, row.tpot_interval_ms
    error = one_line(row.reason) if row.reason else None
    if layout is None or interval is None:
        return SweepRow(model=model, hardware=place.name, workload=workload, error=error)
    rate = get_best_rate(accelerator, allow_spot=False)
    usd_per_hour = None if rate is None else rate[0] * layout.devices
    return SweepRow(
        model=model,
        hardware=place.name,
        workload=workload,
        devices=layout.devices,
        layout=layout_of(layout),
        ttft_ms=layout.ttft_ms,
        tpot_ms=layout.tpot_ms,
        tpot_low_ms=interval.low,
        tpot_high_ms=interval.high,
        output_tokens_per_s=layout.output_tokens_per_s,
        output_tokens_per_s_per_device=layout.output_tokens_per_s / layout.devices,
        usd_per_hour=usd_per_hour,
        usd_per_million_output_tokens=usd_per_hour and usd_per_hour / (layout.output_tokens_per_s * 3600) * 1e6,
        evidence=row.evidence,
        error=error,
    )


def one_line(sentence: str) -> str:
    """As it stands in a file, where a row is a line: also a path that is no text can be in it."""
    return " ".join(sentence.split()).encode("utf-8", "backslashreplace").decode()
