"""A measured time as a row of the file that its shape goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .shapes import AnyShape, Pass

_SCRIPT = "benchmarks/measure_gpu.py"


class Timing(NamedTuple):
    ms: float
    """Of one call."""
    how: str
    """Which kernels ran, and whether in a captured graph or launched one by one, in which the host's time is."""
    library: str = "torch"
    """Whose kernels these are."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What every row says of where it is from."""

    gpu: str
    """The catalogue's name in lower case, or else the driver's."""
    engine: str
    """Whose estimate stands beside a pass: no engine is measured."""
    torch: str

    def row(self, shape: AnyShape, timing: Timing, shares: Mapping[str, float]) -> dict[str, Any]:
        """A row of the shape's file: what another kind of file has is left out."""
        kernel, how = not isinstance(shape, Pass), f"PyTorch {self.torch}, {timing.how}"
        values = {
            **shape.identity(),
            **shares,
            "latency_ms": timing.ms,
            "value": timing.ms,
            "gpu": self.gpu,
            "engine": timing.library if kernel else self.engine,
            "lib": timing.library,
            "src": f"{_SCRIPT}, {how}",
            "source": _SCRIPT,
            "note": f"static batch; no engine, plain {how}",
        }
        found = {column: values.get(column, "") for column in shape.columns}
        return {column: f"{value:.6g}" if isinstance(value, float) else value for column, value in found.items()}
