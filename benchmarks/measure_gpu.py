"""Measure an accelerator in the columns of the measured files, and set each time beside the package's estimate.

    python benchmarks/measure_gpu.py --out FOLDER [--minutes 4] [--kinds products steps ...] [--hardware NAME]

Needs PyTorch 2.5 or later with CUDA or ROCm. Matrix products, attention to a cache and of prompts, routed experts and
sums over devices of the shapes of Llama-3.1-8B and Qwen3-30B-A3B, and whole passes of both with random weights.
Each kind is one CSV of the folder, which `fit_time.py` and, of passes, `llm-memory-calculator validate` read.
`--device cpu` runs tiny shapes, which tries the script and measures nothing.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_kinds.estimates import Estimates, named
from gpu_kinds.rows import Labels, Timing
from gpu_kinds.shapes import DRY, KINDS, WHOLE, AnyShape, shapes_of

from llm_memory_calculator.engines import ENGINES
from llm_memory_calculator.errors import CalculatorError

if TYPE_CHECKING:
    from gpu_kinds.bench import Bench


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder; files of what is measured are written anew")
    parser.add_argument("--minutes", type=float, default=4.0, help="after which no new shape is begun (default 4)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="default: all")
    parser.add_argument("--hardware", help="the catalogue's name of the accelerator (default: what its driver says)")
    parser.add_argument("--engine", choices=ENGINES, default="transformers", help="whose estimates (transformers)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cuda is ROCm too; cpu: a dry run")
    parser.add_argument("--no-graphs", action="store_true", help="launch one by one what a graph would hold")
    asked = parser.parse_args()
    if asked.hardware and asked.device == "cpu":
        parser.error("--hardware names the accelerator that is measured; --device cpu measures none: leave one out.")
    bench = _bench(asked.device, graphs=not asked.no_graphs)
    accelerator = named(asked.hardware or bench.name) if bench.accelerated else None
    gpu = bench.name if accelerator is None else accelerator.name.lower()
    labels = Labels(gpu=gpu, engine=asked.engine, torch=bench.release)
    try:
        estimates = None if accelerator is None else Estimates(accelerator, asked.engine)
    except CalculatorError as error:
        parser.error(str(error))
    grid = WHOLE if bench.accelerated else DRY
    asked.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * asked.minutes
    for place, kind in enumerate(asked.kinds):
        now = time.monotonic()
        shapes = shapes_of(kind, grid, bench.devices)
        times = _times(kind, shapes, bench, until=now + (end - now) / (len(asked.kinds) - place))
        _measure(kind, shapes, times, labels, estimates, asked.out)


def _bench(device: str, *, graphs: bool) -> Bench:
    """The device. Exits with what to do where torch or the device is missing."""
    try:
        import torch
    except ImportError:
        raise SystemExit("measure_gpu.py needs PyTorch: pip install torch (of your CUDA or ROCm release).") from None
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 5):
        raise SystemExit(f"measure_gpu.py needs PyTorch 2.5 or later, and this is {torch.__version__}; upgrade torch.")
    from gpu_kinds.bench import Bench

    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no CUDA or ROCm device; --device cpu tries the script with tiny shapes.")
    return Bench(torch.device(device), graphs=graphs)


def _times(kind: str, shapes: list[Any], bench: Bench, *, until: float) -> Iterator[tuple[AnyShape, Timing | str]]:
    """The time of each shape, or why there is none, each measured when it is asked for."""
    if kind == "steps":
        from gpu_kinds import steps

        return steps.measured(shapes, bench, until)
    if kind == "sums":
        from gpu_kinds import sums

        return sums.measured(shapes, bench, until)
    from gpu_kinds import kernels

    return kernels.measured(shapes, bench, until)


def _measure(
    kind: str,
    shapes: list[AnyShape],
    times: Iterator[tuple[AnyShape, Timing | str]],
    labels: Labels,
    estimates: Estimates | None,
    folder: Path,
) -> None:
    """One kind: each row is written and shown at once."""
    ratios: list[float] = []
    measured = 0
    if not shapes:
        print(f"{kind}: nothing to measure on one device")
        return
    rows = [shape.identity() for shape in shapes]
    differ = {column for row in rows for column, value in row.items() if value != rows[0][column]}
    with open(folder / shapes[0].file, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, shapes[0].columns)
        table.writeheader()
        for shape, timing in times:
            said = " ".join(f"{column} {value}" for column, value in shape.identity().items() if column in differ)
            if isinstance(timing, str):
                print(f"{kind}: {said}: not measured: {(timing.splitlines() or ['no reason given'])[0]}", flush=True)
                continue
            estimate = None if estimates is None else estimates.of(shape)
            table.writerow(labels.row(shape, timing, {} if estimate is None else estimate.shares(timing.ms)))
            file.flush()
            measured += 1
            beside = "" if estimate is None else f", measured/estimated {timing.ms / estimate.ms:.2f}"
            ratios += [] if estimate is None else [timing.ms / estimate.ms]
            print(f"{kind}: {said}: {timing.ms:.4g} ms{beside}", flush=True)
    print(f"{kind}: {measured} of {len(shapes)} shapes in {folder / shapes[0].file}{_summary(ratios)}", flush=True)


def _summary(ratios: list[float]) -> str:
    if not ratios:
        return ""
    low, high = min(ratios), max(ratios)
    return f"; measured/estimated {statistics.median(ratios):.2f} in the median, {low:.2f} to {high:.2f}"


if __name__ == "__main__":
    main()
