"""Where and how a time is taken: calls on cold inputs in turn between two events, the median of repeats."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from .rows import Timing

COLD_BYTES = 512 * 2**20
"""What calls on inputs of their own read before the first of them comes again: twice the largest last cache there is,
MI300X's 256 MB."""
MOST_COPIES = 256
LEAST_REPEATS, MOST_REPEATS = 3, 20
REPEATS_S = 0.25
"""Seconds of repeats that are enough."""

_Item = TypeVar("_Item")


def begun_before(until: float, items: Iterable[_Item]) -> Iterator[_Item]:
    """Those that are asked for before a time of `time.monotonic`."""
    for item in items:
        if time.monotonic() > until:
            return
        yield item


@dataclass(frozen=True)
class Bench:
    """A device, and whether what can be captured as a graph is."""

    device: torch.device
    graphs: bool = True
    dtype: torch.dtype = torch.bfloat16

    @property
    def name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.accelerated else "cpu"

    @property
    def release(self) -> str:
        return str(torch.__version__)

    @property
    def accelerated(self) -> bool:
        """CUDA and ROCm, which torch calls cuda too."""
        return self.device.type == "cuda"

    @property
    def devices(self) -> int:
        """Of this machine; of a CPU two processes, by which sums are tried."""
        return torch.cuda.device_count() if self.accelerated else 2

    def normal(self, *sizes: int, scale: float = 1.0) -> torch.Tensor:
        """Normal values: a product of zeros draws less power and runs quicker."""
        return torch.empty(sizes, dtype=self.dtype, device=self.device).normal_(std=scale)

    def copies(self, input_bytes: float) -> int:
        """How many calls need inputs of their own so that no cache has them when their turn comes again."""
        if not self.accelerated:
            return 1
        return int(min(MOST_COPIES, max(2, -(-COLD_BYTES // max(1, input_bytes)))))

    def time(
        self, calls: Sequence[Callable[[], object]], *, capture: bool = True, repeats: int | None = None
    ) -> Timing:
        """The median over repeats of all calls in turn, of one call. Raises RuntimeError where one cannot run.

        capture: False for what engines launch one by one. repeats: None, as many as take long enough.
        """
        with torch.inference_mode():
            for call in calls:
                call()
            run, how = self._launched(calls, capture)
            first = self._once(run)
            repeats = repeats or int(min(MOST_REPEATS, max(LEAST_REPEATS, REPEATS_S // max(first, 1e-6))))
            seconds = statistics.median(self._once(run) for _ in range(repeats))
        return Timing(1e3 * seconds / len(calls), how)

    def _launched(self, calls: Sequence[Callable[[], object]], capture: bool) -> tuple[Callable[[], None], str]:
        def one_by_one() -> None:
            for call in calls:
                call()

        if not (self.accelerated and self.graphs and capture) or self._waits(calls[0]):
            return one_by_one, "launched one by one"
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            one_by_one()
        return graph.replay, "in a graph"

    def _waits(self, call: Callable[[], object]) -> bool:
        """Whether a call that runs waits for the device, as a loop over experts does for how many rows each has: no
        graph can hold that.
        """
        torch.cuda.set_sync_debug_mode("error")
        try:
            call()
        except RuntimeError:
            return True
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return False

    def _once(self, run: Callable[[], None]) -> float:
        """Seconds."""
        if not self.accelerated:
            begin = time.perf_counter()
            run()
            return time.perf_counter() - begin
        begin_event, end_event = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin_event.record()
        run()
        end_event.record()
        end_event.synchronize()
        return float(begin_event.elapsed_time(end_event)) / 1e3
