"""The original's tables of a phase: model_df, a row an operator, and summary_table, one row of their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..memory import ledger
from ..performance.machine import machine_of
from ..performance.step import operators, sum_time
from ..ranks import holdings

if TYPE_CHECKING:
    import pandas

    from ..deployment import Deployment, Load
    from ..operators import Step
    from ..performance.roofline import OperatorTime
    from ..units import Quantity
    from .runtime import RuntimeBreakdown

# The original's MB are 2**20 bytes.
MB = 2**20


@dataclass(slots=True, kw_only=True)
class OperatorRow:
    """One operator over all the layers of a device that have it and all the steps of a phase (or its mean step)."""

    name: str
    """Its name in the checkpoint."""
    kind: str
    """matmul, experts, attention, latent_attention, recurrence, scan or elementwise."""
    repeat: int
    """Layers that have it."""
    latency_ms: float = 0.0
    """Milliseconds, launches included and messages not."""
    compute_ms: float = 0.0
    """Milliseconds that its operations need."""
    memory_ms: float = 0.0
    """Milliseconds that its bytes need."""
    message_ms: float = 0.0
    """Milliseconds of the messages that sum its results over the tensor-parallel ranks."""
    flops: float = 0.0
    """Operations."""
    weight_bytes: float = 0.0
    """Bytes of weights read."""
    cache_bytes: float = 0.0
    """Bytes of the KV cache read and written."""
    bytes: float = 0.0
    """Bytes moved: those two, activations and recurrent states."""
    unused_bytes: float = 0.0
    """Bytes of experts that a step sends no token to."""

    @property
    def bound(self) -> str:
        """compute or memory."""
        return "compute" if self.compute_ms > self.memory_ms else "memory"


def operator_rows(deployment: Deployment, steps: Iterable[tuple[Quantity, Step]]) -> tuple[OperatorRow, ...]:
    """Every operator of a device of the first pipeline stage: its share of the time and what binds it."""
    machine, formats = machine_of(deployment), deployment.formats
    first = holdings(deployment.architecture, formats.scheme, deployment.layout, deployment.engine)[0]
    rows: dict[object, OperatorRow] = {}
    count = 0.0
    for times, step in steps:
        count += times
        for one in operators(deployment, first, step):
            name = one.operator.name + _form(one.time)
            row = rows.setdefault(
                (one.kind, one.operator, name), OperatorRow(name=name, kind=one.operator.kind, repeat=one.layers)
            )
            work, many = one.operator.work(one.step), times * one.layers
            row.latency_ms += many * one.time.seconds * 1e3
            row.compute_ms += many * one.time.compute_s * 1e3
            row.memory_ms += many * one.time.memory_s * 1e3
            row.flops += many * one.time.flops
            row.weight_bytes += many * work.weight_share * one.weight_bytes
            row.cache_bytes += many * (work.cache_read + work.cache_written) * formats.kv_bytes
            row.bytes += many * one.time.bytes
            if one.operator.expert_count:
                row.unused_bytes += many * (1 - work.weight_share) * one.weight_bytes
            seconds = sum_time(deployment, machine, one.operator, one.step)
            if seconds is not None:
                row.message_ms += many * seconds * 1e3
    for row in rows.values():
        row.unused_bytes /= count
    return tuple(rows.values())


def _form(time: OperatorTime) -> str:
    """Which of its two forms latent attention ran in."""
    if time.absorbed is None:
        return ""
    return " (absorbed)" if time.absorbed else " (expanded)"


def _ratio(value: float, of: float) -> float:
    """0 where there is nothing of either."""
    return value / of if of else 0.0


def model_table(rows: Sequence[OperatorRow]) -> pandas.DataFrame:
    """One row an operator of a device of the first stage; MB are 2**20 bytes.

    Left out of the original's columns is what is not modelled or no number of ours: Dimension, Cycles, C Effcy and the
    use of links. Input_a and Output, which kernels are not told apart by, are one column, with recurrent states in it.
    """
    import pandas

    return pandas.DataFrame(
        {
            "Layer Name": [row.name for row in rows],
            "Op Type": [row.kind for row in rows],
            "Repeat": [row.repeat for row in rows],
            "Bound": [row.bound for row in rows],
            "C/M ratio": [_ratio(row.compute_ms, row.memory_ms) for row in rows],
            "Op Intensity": [_ratio(row.flops, row.bytes) for row in rows],
            "Latency (msec)": [row.latency_ms for row in rows],
            "Num ops (MFLOP)": [row.flops / 1e6 for row in rows],
            "Input_w (MB)": [row.weight_bytes / MB for row in rows],
            "KV Cache (MB)": [row.cache_bytes / MB for row in rows],
            "Input_a + Output (MB)": [(row.bytes - row.weight_bytes - row.cache_bytes) / MB for row in rows],
            "Total Data (MB)": [row.bytes / MB for row in rows],
            "Throughput (Tflops)": [_ratio(row.flops / 1e9, row.latency_ms) for row in rows],
            "Compute time (msec)": [row.compute_ms for row in rows],
            "Memory time (msec)": [row.memory_ms for row in rows],
            "Communication time (msec)": [row.message_ms for row in rows],
            "Compute Utilization": [_ratio(row.compute_ms, row.latency_ms) for row in rows],
            "Memory Utilization": [_ratio(row.memory_ms, row.latency_ms) for row in rows],
        }
    )


def summary_table(
    deployment: Deployment, load: Load, rows: Sequence[OperatorRow], runtime: RuntimeBreakdown
) -> pandas.DataFrame:
    """One row; MB are 2**20 bytes.

    MACs, Total Data and Unused Weights (experts that a step sends no token to) are sums of model_df; Total Weights and
    KV Cache are what the fullest device holds, the cache at its longest; the latencies are those of the whole layout.
    Cycles and the on-chip memory are not modelled and have no column.
    """
    import pandas

    held = ledger(deployment, load)
    return pandas.DataFrame(
        {
            "MACs (MFLOP)": [sum(row.flops for row in rows) / 2e6],
            "Total Data (MB)": [sum(row.bytes for row in rows) / MB],
            "Total Weights (MB)": [held.weights / MB],
            "Unused Weights (MB)": [sum(row.unused_bytes for row in rows) / MB],
            "KV Cache (MB)": [held.kv_cache / MB],
            "Latency (msec)": [sum(runtime.values())],
            "Attn Latency": [runtime.get("attention", 0.0) + runtime.get("latent_attention", 0.0)],
            "Linear Latency": [runtime.get("matmul", 0.0) + runtime.get("experts", 0.0)],
            "Comm Latency": [runtime.Collective],
        }
    )
