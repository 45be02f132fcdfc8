"""The reports with the original's keys and tables, which are counted when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..performance.phases import decode_steps, prefill_steps
from ..report import EndToEndReport, PhaseReport
from .keys import OriginalKeys
from .runtime import RuntimeBreakdown, runtime_breakdown
from .tables import OperatorRow, model_table, operator_rows, summary_table

if TYPE_CHECKING:
    import pandas

    from ..architecture import Step
    from ..deployment import Deployment, Load
    from ..units import Quantity

Extended = TypeVar("Extended")

_KEYS_OF_BOTH_PHASES = {
    "Latency": "latency_ms",
    "Throughput_tokens_per_sec": "tokens_per_s",
    "Runtime_breakdown": "runtime_breakdown",
    "is_offload": "is_offload",
    "model_df": "model_df",
    "summary_table": "summary_table",
    "tokens_generated": "tokens_generated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _OriginalPhase(OriginalKeys, PhaseReport, ABC):
    """A phase with what its tables are counted from."""

    is_offload: ClassVar[bool] = False

    deployment: Deployment = field(repr=False, compare=False)
    """What serves."""
    load: Load = field(repr=False, compare=False)
    """What this phase is asked to serve."""

    @abstractmethod
    def steps(self) -> Iterable[tuple[Quantity, Step]]:
        """(how many, step) of the phase."""

    @property
    def operators(self) -> tuple[OperatorRow, ...]:
        """Every operator of a device of the first stage over the steps of the phase."""
        return operator_rows(self.deployment, self.steps())

    @property
    def runtime_breakdown(self) -> RuntimeBreakdown:
        """Milliseconds by kind of work, and by part of the model."""
        return runtime_breakdown(self.deployment, self.steps(), self.breakdown)

    @property
    def model_df(self) -> pandas.DataFrame:
        """One row an operator, as `model_table` says."""
        return model_table(self.operators)

    @property
    def summary_table(self) -> pandas.DataFrame:
        """One row, as `tables.summary_table` says."""
        return summary_table(self.deployment, self.load, self.operators, self.runtime_breakdown)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillReport(_OriginalPhase):
    """The prefill of a batch."""

    KEYS: ClassVar[dict[str, str]] = {
        **_KEYS_OF_BOTH_PHASES,
        "Throughput": "requests_per_s",
        "TTFT": "latency_ms",
        "Input_throughput": "tokens_per_s",
    }
    tokens_generated: ClassVar[int] = 1

    def steps(self) -> Iterable[tuple[Quantity, Step]]:
        return prefill_steps(self.deployment, self.load)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeReport(_OriginalPhase):
    """The mean decode step of a batch."""

    KEYS: ClassVar[dict[str, str]] = {
        **_KEYS_OF_BOTH_PHASES,
        "Throughput": "tokens_per_s",
        "TPOT": "latency_ms",
        "Total_latency": "total_ms",
        "Effective_throughput": "tokens_per_s",
    }

    def steps(self) -> Iterable[tuple[Quantity, Step]]:
        return decode_steps(self.deployment, self.load)

    @property
    def tokens_generated(self) -> int:
        return self.output_tokens

    @property
    def total_ms(self) -> float:
        """Milliseconds of all decode steps; the first token comes from prefill."""
        return self.latency_ms * max(1, self.output_tokens - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPhaseReport(OriginalKeys, EndToEndReport):
    """A static batch from its prompts to its last tokens, whose phases have the original's keys too."""

    KEYS: ClassVar[dict[str, str]] = {
        "prefill": "prefill_phase",
        "decode": "decode_phase",
        "total_latency": "total_ms",
        "ttft": "ttft_ms",
        "average_tpot": "tpot_ms",
        "total_throughput": "output_tokens_per_s",
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "batch_size": "batch_size",
        "beam_size": "beam_size",
        "model": "model",
        "parallelism": "parallelism",
    }

    @property
    def parallelism(self) -> dict[str, int]:
        return {
            "tensor_parallel": self.tensor_parallel,
            "pipeline_parallel": self.pipeline_parallel,
            "data_parallel": self.data_parallel,
            "expert_parallel": self.expert_parallel,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedReport(OriginalKeys):
    """Prompts that are taken in by steps of at most `chunk_size` tokens, and the decode after them."""

    KEYS: ClassVar[dict[str, str]] = {
        "Latency": "prefill.latency_ms",
        "Throughput": "prefill.tokens_per_s",
        "Throughput_tokens_per_sec": "prefill.tokens_per_s",
        "Runtime_breakdown": "prefill.runtime_breakdown",
        "is_offload": "prefill.is_offload",
        "model_df": "prefill.model_df",
        "summary_table": "prefill.summary_table",
        "TTFT": "prefill.latency_ms",
        "TPOT": "end_to_end.tpot_ms",
        "Total_latency": "end_to_end.total_ms",
        "num_chunks": "num_chunks",
        "chunk_size": "chunk_size",
        "chunked_processing": "chunked_processing",
    }
    chunked_processing: ClassVar[bool] = True

    end_to_end: TwoPhaseReport
    """Both phases."""
    chunk_size: int
    """Most tokens of a step that takes in prompts."""
    num_chunks: int
    """Steps that one prompt takes."""

    @property
    def prefill(self) -> PrefillReport:
        """All prompts, chunk by chunk."""
        assert isinstance(self.end_to_end.prefill_phase, PrefillReport)
        return self.end_to_end.prefill_phase


def prefill_report(deployment: Deployment, load: Load, report: PhaseReport) -> PrefillReport:
    """The report of a prefill with the original's keys."""
    prompts = replace(load, output=0, beams=1)
    return _extended(PrefillReport, report, deployment=deployment, load=prompts)


def decode_report(deployment: Deployment, load: Load, report: PhaseReport) -> DecodeReport:
    """The report of a mean decode step with the original's keys."""
    return _extended(DecodeReport, report, deployment=deployment, load=load)


def two_phase_report(deployment: Deployment, load: Load, report: EndToEndReport) -> TwoPhaseReport:
    """The report of a static batch with the original's keys."""
    prefill, decode = report.prefill_phase, report.decode_phase
    return _extended(
        TwoPhaseReport,
        report,
        prefill_phase=prefill and prefill_report(deployment, load, prefill),
        decode_phase=decode and decode_report(deployment, load, decode),
    )


def _extended(kind: type[Extended], report: PhaseReport | EndToEndReport, **own: Any) -> Extended:
    """The same report as a kind of it that has fields of its own."""
    return kind(**{name: getattr(report, name) for name in _SAID_BY[type(report)]} | own)


_SAID_BY = {kind: tuple(item.name for item in fields(kind) if item.init) for kind in (PhaseReport, EndToEndReport)}
