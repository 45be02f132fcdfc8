"""Layouts of some devices as arrays: what each holds, how long it takes, and in which order a goal puts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import LayoutError
from ..memory import verdict_of
from ..parallel import Layouts, Parallelism, most_groups, most_stages, problem, side_by_side, tensor_sizes
from ..performance.collectives import hand_over_law, sum_law
from ..performance.machine import machine_of
from ..performance.phases import both_phases, decode_time, prefill_time
from ..performance.spent import Seconds
from ..performance.step import Clock
from ..report import LayoutRow
from ..stacks import UnlikeError
from ..units import Quantity, ceil_div

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..performance.machine import Machine

    Array = numpy.ndarray[Any, Any]

Rates = Callable[[LayoutRow, Quantity], tuple[Quantity, Quantity]]
# What orders layouts by a goal, smaller is better; of numbers or of arrays, over all devices or a share of them.
_SCORES: dict[str, Rates] = {
    "throughput": lambda row, share: (-row.output_tokens_per_s / share, row.tpot_ms),
    "latency": lambda row, _: (row.tpot_ms, row.ttft_ms),
    "decode": lambda row, share: (-row.decode_tokens_per_s / share, row.tpot_ms),
    "prefill": lambda row, share: (-row.prefill_tokens_per_s / share, row.ttft_ms),
}
# Digits of a score; layouts that agree in them are as good, and the one with fewer devices is taken.
_DIGITS = 9


def score(row: LayoutRow, goal: str, by_device: bool = False) -> tuple[float, float]:
    """What orders layouts by a goal, smaller is better; tokens a second of all devices, or of each of them."""
    return _SCORES[goal](row, row.devices if by_device else 1)


def layouts_of(
    architecture: Architecture, devices: int, node: int, batch: int, *, by_layers: bool = False
) -> Iterator[Parallelism]:
    """Layouts of up to `devices` devices: tensor groups within a node of `node`, whole copies with what remains.

    by_layers: devices of a copy share whole layers alone.

    Devices that no whole copy can use stay idle; copies beyond the batch are not made. For each split of a copy only
    the most copies are considered, since fewer never serve more. The experts of a mixture are whole in a copy, split in
    width or dealt out, or dealt out over the copies, then without a pipeline: engines that serve so need none.
    """
    groups = most_groups(architecture)
    for tensor in (1,) if by_layers else tensor_sizes(architecture, min(devices, node)):
        for pipeline in range(1, min(devices // tensor, most_stages(architecture)) + 1):
            data = min(devices // (tensor * pipeline), batch)
            plain = Parallelism(tensor=tensor, pipeline=pipeline, data=data)
            yield plain
            split = Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=tensor)
            if groups and tensor > 1 and not problem(architecture, split):
                yield split
            shared = Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=tensor * data)
            if pipeline == 1 and data > 1 and shared.expert <= groups and not problem(architecture, shared):
                yield shared


def row_of(layout: Parallelism, load: Load, ttft: Quantity, tpot: Quantity, memory_share: Quantity) -> LayoutRow:
    """A layout with its times in seconds; of layouts side by side all of it arrays."""
    return LayoutRow(
        **layout.said(),
        micro_batch=ceil_div(ceil_div(load.sequences, layout.data), layout.pipeline),
        ttft_ms=ttft * 1e3,
        tpot_ms=tpot * 1e3,
        output_tokens_per_s=load.sequences * load.output / (ttft + tpot * (load.output - 1)),
        decode_tokens_per_s=load.sequences / tpot,
        prefill_tokens_per_s=load.sequences * load.tokens / ttft,
        memory_share=memory_share,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The layouts that an engine takes and that can be timed, and why others cannot."""

    layouts: Layouts | None
    """None where there is none."""
    untimed: tuple[tuple[Parallelism, LayoutError], ...] = ()

    @property
    def members(self) -> tuple[Parallelism, ...]:
        return () if self.layouts is None else self.layouts.members


def offer_of(deployment: Deployment, batch: int) -> Offer:
    """The layouts of up to `deployment.devices` devices for so many sequences."""
    accelerator, devices = deployment.accelerator, deployment.devices
    assert accelerator is not None
    assert devices is not None
    machine, node = machine_of(deployment), accelerator.link_domain
    return _offer(deployment.architecture, machine, devices, node, min(batch, devices))


@lru_cache(maxsize=1024)
def _offer(architecture: Architecture, machine: Machine, devices: int, node: int, batch: int) -> Offer:
    engine = machine.engine
    timed, untimed = [], []
    for layout in layouts_of(architecture, devices, node, batch, by_layers=engine.BY_LAYERS):
        if engine.refused(layout):
            continue
        try:
            _require_links(machine, layout, bool(most_groups(architecture)))
        except LayoutError as error:
            untimed.append((layout, error))
        else:
            timed.append(layout)
    return Offer(layouts=side_by_side(timed) if timed else None, untimed=tuple(untimed))


def _require_links(machine: Machine, layout: Parallelism, mixes: bool) -> None:
    """Raise LayoutError where devices that share layers have no link."""
    sum_law(machine, layout, experts=False)
    if mixes:
        sum_law(machine, layout, experts=True)
    hand_over_law(machine, layout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the fullest device of each layout holds."""

    needs: Array
    """Bytes."""
    margins: Array
    """Bytes that are left of the condition that binds."""
    possible: Array
    """Whether weights, cache and state are no more than a device shows."""
    shares: Array
    """Of what the runtime sees."""


def held(deployment: Deployment, load: Load, offered: Layouts) -> Held:
    """The ledger of each layout, judged."""
    import numpy

    if _memory_side_by_side(deployment, load):
        try:
            one = verdict_of(deployment.laid_out(offered), load)
            need, size = one.need, len(offered.members)
            total, margins = numpy.broadcast_to(need.total, size), numpy.broadcast_to(one.margin_bytes, size)
            possible = numpy.broadcast_to(one.possible, size)
            return Held(needs=total, margins=margins, possible=possible, shares=total / one.total_bytes)
        except UnlikeError:
            pass
    each = [verdict_of(deployment.laid_out(layout), load) for layout in offered.members]
    return Held(
        needs=numpy.array([one.need.total for one in each], dtype=numpy.float64),
        margins=numpy.array([one.margin_bytes for one in each], dtype=numpy.float64),
        possible=numpy.array([one.possible for one in each]),
        shares=numpy.array([one.used_share for one in each], dtype=numpy.float64),
    )


def _memory_side_by_side(deployment: Deployment, load: Load) -> bool:
    """Whether the ledger takes layouts side by side: nothing beside the text is held."""
    beside = (load.images, load.video, load.sound, load.adapters, deployment.speculation, deployment.calibration)
    return deployment.engine.SIDE_BY_SIDE and deployment.architecture.task == "decoder" and not any(beside)


def times(deployment: Deployment, load: Load, offered: Layouts) -> tuple[Array, Array]:
    """Seconds to the first token of the last prompt, and mean seconds of a decode step, of each layout."""
    import numpy

    if _time_side_by_side(deployment):
        try:
            first, then = both_phases(deployment.laid_out(offered), load, Clock(Seconds))
            size = len(offered.members)
            return numpy.broadcast_to(first.total, size), numpy.broadcast_to(then.total, size)
        except UnlikeError:
            pass
    clock = Clock()
    each = [deployment.laid_out(layout) for layout in offered.members]
    ttft = [prefill_time(one, load, clock).total for one in each]
    return numpy.array(ttft), numpy.array([decode_time(one, load, clock).total for one in each])


def _time_side_by_side(deployment: Deployment) -> bool:
    beside = (deployment.speculation, deployment.measured, deployment.engine.kernels.host_memory)
    return deployment.architecture.task == "decoder" and not any(beside)


def order(goal: str, row: LayoutRow, members: Sequence[Parallelism], *, by_device: bool = False) -> Array:
    """The indices of layouts, best first; of layouts as good those of fewer devices, then narrower and shorter ones."""
    import numpy

    devices = numpy.array([layout.devices for layout in members])
    tensor = numpy.array([layout.tensor for layout in members])
    pipeline = numpy.array([layout.pipeline for layout in members])
    first, second = _SCORES[goal](row, devices if by_device else 1)
    # the last key is the first that counts
    found: Array = numpy.lexsort((pipeline, tensor, devices, _rounded(second), _rounded(first)))
    return found


def _rounded(values: Array) -> Array:
    import numpy

    size = numpy.floor(numpy.log10(numpy.abs(values)))
    unit = 10 ** (size - _DIGITS)
    rounded: Array = numpy.rint(values / unit) * unit
    return rounded
