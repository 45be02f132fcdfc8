"""What the package says a shape takes on a named accelerator, by the laws that every answer of it is summed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_memory_calculator.api import estimate_performance
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.performance.collectives import reduction
from llm_memory_calculator.performance.machine import law_of, machine_for
from llm_memory_calculator.performance.step import lawful
from llm_memory_hardware import AmbiguousHardwareError, UnknownHardwareError, find_devices
from llm_memory_hardware.accelerator import Accelerator

from .shapes import AnyShape, OperatorShape, Pass, Sum


@dataclass(frozen=True, slots=True)
class Estimate:
    """Milliseconds, and what a kernel's measured time is set against."""

    ms: float
    flops: float = 0.0
    peak: float = 0.0
    """FLOP/s of the datasheet, dense; 0 where it is no kernel."""
    bytes: float = 0.0
    bandwidth: float = 0.0

    def shares(self, ms: float) -> dict[str, float]:
        """Of the peaks, what a measured time comes to."""
        if not self.peak:
            return {}
        return {
            "frac_peak_flops": self.flops / self.peak / (ms / 1e3),
            "frac_peak_bw": self.bytes / self.bandwidth / (ms / 1e3),
        }


def named(hardware: str) -> Accelerator | None:
    """The catalogue's accelerator of a name as people or drivers write it; None where it has none, or several."""
    try:
        return find_devices(hardware)[0]
    except (UnknownHardwareError, AmbiguousHardwareError) as error:
        print(f"Nothing is estimated: {error}")
        return None


class Estimates:
    """Of one accelerator: passes under an engine, and single kernels as vLLM's, which what is measured is like (an
    engine may read keys again that kernels read once)."""

    def __init__(self, accelerator: Accelerator, engine: str) -> None:
        self._accelerator, self._passes = accelerator, engine
        self._engine = engine_for("vllm", None, device_of(accelerator))
        self._machine = machine_for(accelerator, self._engine)

    def of(self, shape: AnyShape) -> Estimate | None:
        """None where the package gives no time: a format that the accelerator lacks, a model that does not fit."""
        try:
            if isinstance(shape, Pass):
                return self._pass(shape)
            if isinstance(shape, Sum):
                return Estimate(1e3 * float(reduction(self._machine, shape.ranks).time(2 * shape.values)))
            return self._operator(shape)
        except CalculatorError:
            return None

    def _operator(self, shape: OperatorShape) -> Estimate:
        formats = shape.model.formats(shape.precision, None)
        form = formats.scheme.quantized or formats.scheme.plain
        weight_bytes = sum(weight.size for weight in shape.operator.weights()) * form.bits / 8
        law = law_of(self._machine, shape.operator.kind, form, formats.scheme.plain, formats.kv_cache)
        timed = lawful(shape.operator, weight_bytes, law, formats, self._engine)
        time = timed.time(shape.step, formats, self._engine)
        return Estimate(
            ms=1e3 * float(time.seconds),
            flops=float(time.flops),
            peak=self._machine.peak(form),
            bytes=float(time.bytes),
            bandwidth=self._machine.memory_bandwidth,
        )

    def _pass(self, shape: Pass) -> Estimate | None:
        row = shape.identity()
        asked: dict[str, Any] = {
            "hardware": self._accelerator.name,
            "engine": self._passes,
            "precision": row["precision"],
            "kv_precision": row["kv_precision"],
            "tensor_parallel": row["tp"],
            "batch_size": row["batch_or_concurrency"],
            "input_tokens": row["input_tokens"],
            "output_tokens": row["output_tokens"],
        }
        report = estimate_performance(shape.model, **asked)
        ms = report.tpot_ms if shape.decodes else report.ttft_ms
        return None if ms is None else Estimate(ms)
