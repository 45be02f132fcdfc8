"""Searches over layouts and accelerators, in milliseconds and in end-to-end estimates of the same model (E).

Run `python benchmarks/search.py` with the package installed. First: the first question on a model, with its layouts;
then: the median of others with new lengths; last: a million candidates of six axes, with the fifty best and the front.
With `--peers FOLDER` other calculators are timed in the same run, each in a virtual environment of its own that the
folder has by its name: genz-llm and aiconfigurator. (The original is on no package index; where it was measured from
its source, it took 181 ms an estimate and 503 ms for 8 devices.)
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy
from peers.environments import peers

from llm_memory_calculator import (
    HARDWARE_CONFIGS,
    GridReport,
    best_parallelism,
    compare_hardware,
    estimate_performance,
    search_grid,
)

MODELS = ("meta-llama/Llama-3.1-70B", "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V3")
HARDWARE = "H200"
# Sixteen accelerators of 24 to 288 GB, with as many batches as make a million candidates with the lengths.
GRID = {
    "hardware": [
        *("H100", "H200", "H20", "B200", "B300", "A100_80GB", "A100_40GB", "V100_32GB"),
        *("L40S", "L4", "A10", "A6000", "H100_PCIe", "MI355X", "MI300X", "MI325X"),
    ],
    "batch_sizes": [1, 2, 3, 4, 5, 6, 9, 12, 16, 21, 27, 36, 48, 64, 84, 111, 147, 194, 256, 337, 445, 588, 776, 1024],
    "input_tokens": [256, 512, 1000, 2000, 3000, 4000, 6000, 8000, 12000, 16000],
    "output_tokens": [32, 64, 128, 256, 512, 1024, 2048, 4096],
    "precisions": ["fp8", "int4"],
    "devices": 8,
    "top": 50,
}
Ask = Callable[[int], object]


def timed(ask: Ask, tokens: int) -> float:
    """Milliseconds of the processor, which other programs disturb less than those of the clock."""
    begin = time.process_time()
    ask(tokens)
    return (time.process_time() - begin) * 1e3


def first_and_then(ask: Ask, runs: int) -> tuple[float, float]:
    first = timed(ask, 2000)
    return first, statistics.median(timed(ask, 2001 + run) for run in range(runs))


def layouts(model: str, devices: int) -> Ask:
    batch = max(16, devices)
    return lambda tokens: best_parallelism(
        model, HARDWARE, devices=devices, batch_size=batch, input_tokens=tokens, output_tokens=256
    )


def accelerators(model: str, **asked: object) -> Ask:
    return lambda tokens: compare_hardware(model, batch_size=16, input_tokens=tokens, output_tokens=256, top=1, **asked)


def grid(model: str, estimate: float) -> None:
    """A grid of a model; estimate: milliseconds of an end-to-end estimate of it."""
    found: dict[str, GridReport] = {}
    first, then = first_and_then(lambda _: found.update(report=search_grid(model, **GRID)), 3)
    report, peak = found["report"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = report.candidates
    print(
        f"  {f'{count:,} candidates, {report.fitting:,} fit':<56}{first:>10.1f}{first / estimate:>8.0f}{then:>10.2f}"
        f"{then / estimate:>8.1f}"
    )
    print(
        f"    {count / then * 1e3:,.0f} a second, {count / then * estimate:,.0f} an E; {len(report.rows)} best, "
        f"{len(report.front):,} in the front; {peak:,.0f} MB at most so far"
    )


def processor() -> str:
    """Its name, where Linux says it: Python has none there."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, help="folder of virtual environments with other calculators")
    folder: Path | None = parser.parse_args().peers
    print(f"{os.cpu_count()} cores of {processor()}, Python {platform.python_version()}, NumPy {numpy.__version__},")
    print(f"llm-memory-calculator {version('llm-memory-calculator')}, {len(HARDWARE_CONFIGS)} accelerators\n")
    print(f"{'':<58}{'first ms':>10}{'E':>8}{'then ms':>10}{'E':>8}")
    for model in MODELS:
        estimate = first_and_then(
            lambda tokens, model=model: estimate_performance(  # type: ignore[misc]
                model, HARDWARE, tensor_parallel=8, batch_size=16, input_tokens=tokens, output_tokens=256
            ),
            100,
        )[1]
        print(f"{model}: an end-to-end estimate (E)".ljust(78) + f"{estimate:>8.2f}")
        asked: list[tuple[str, Ask]] = [(f"best layout of {count}", layouts(model, count)) for count in (8, 64, 1024)]
        asked += [
            ("rented accelerators, fewest devices of each", accelerators(model)),
            ("rented accelerators, best of 8 devices", accelerators(model, devices=8)),
            ("all accelerators, best of 8 devices", accelerators(model, devices=8, hardware="all")),
            ("all accelerators, fewest devices", accelerators(model, goal="devices", hardware="all")),
            (
                "all accelerators, largest batch of 8 devices",
                accelerators(model, goal="batch", devices=8, hardware="all"),
            ),
        ]
        for what, ask in asked:
            first, then = first_and_then(ask, 15)
            print(f"  {what:<56}{first:>10.1f}{first / estimate:>8.0f}{then:>10.2f}{then / estimate:>8.1f}")
        grid(model, estimate)
    if folder is not None:
        print(f"\n{MODELS[0]} on 8 x {HARDWARE} by others, ms of the processor".ljust(59) + "  estimate    search")
        for line in peers(folder):
            print(line, flush=True)


if __name__ == "__main__":
    main()
