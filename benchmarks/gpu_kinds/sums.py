"""All-reduces over the devices of this machine, one process each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from .bench import Bench, begun_before
from .rows import Timing
from .shapes import Sum

_IN_TURN, _REPEATS = 20, 5
"""The same on every rank, since each call waits for all of them."""


def library(bench: Bench) -> str:
    """What sums: NCCL, which ROCm's own is called too."""
    return "nccl" if bench.accelerated else "gloo"


def measured(shapes: Iterable[Sum], bench: Bench, until: float) -> Iterator[tuple[Sum, Timing | str]]:
    """The time of each message, or why there is none: all of as many ranks in one start of these."""
    groups = [(ranks, list(group)) for ranks, group in groupby(shapes, key=lambda shape: shape.ranks)]
    for ranks, messages in begun_before(until, groups):
        try:
            times = _started(ranks, [shape.values for shape in messages], bench)
        except (RuntimeError, mp.ProcessRaisedException, mp.ProcessExitedException) as error:
            yield from ((shape, str(error)) for shape in messages)
            continue
        for shape, ms in zip(messages, times, strict=True):
            yield shape, Timing(ms, "launched one by one", library(bench))


def _started(ranks: int, messages: list[int], bench: Bench) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(_rank, (ranks, messages, bench.device.type, folder), nprocs=ranks)
        times: list[float] = torch.load(Path(folder) / "times.pt")
    return times


def _rank(rank: int, ranks: int, messages: list[int], device_type: str, folder: str) -> None:
    """One process: its device, and the times of the first one written down."""
    device = torch.device(device_type, rank) if device_type == "cuda" else torch.device(device_type)
    bench = Bench(device, graphs=False)
    if bench.accelerated:
        torch.cuda.set_device(device)
    dist.init_process_group(library(bench), init_method=f"file://{folder}/ranks", rank=rank, world_size=ranks)
    # zeros stay what they are however often they are summed
    times = [_time(torch.zeros(values, dtype=bench.dtype, device=device), bench) for values in messages]
    if rank == 0:
        torch.save(times, Path(folder) / "times.pt")
    dist.destroy_process_group()


def _time(message: torch.Tensor, bench: Bench) -> float:
    call: Any = partial(dist.all_reduce, message)
    return bench.time([call] * _IN_TURN, repeats=_REPEATS).ms
