"""Layouts of some devices as arrays: what each holds, how long it takes, and in which order a goal puts them."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import LayoutError
from ..memory import judge, ledger, verdict_of
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


def scores(goal: str, row: LayoutRow, share: Quantity = 1) -> tuple[Quantity, Quantity]:
    """What orders layouts by a goal, smaller is better; tokens a second of all devices, or of a share of them."""
    return _SCORES[goal](row, share)


def layouts_of(
    architecture: Architecture,
    devices: int,
    node: int,
    batch: int,
    *,
    by_layers: bool = False,
    stages: Container[int] | None = None,
) -> Iterator[Parallelism]:
    """Layouts of up to `devices` devices: tensor groups within a node of `node`, whole copies with what remains.

    by_layers: devices of a copy share whole layers alone. stages: of a pipeline that are wanted; all where left out.

    Devices that no whole copy can use stay idle; copies beyond the batch are not made. For each split of a copy only
    the most copies are considered, since fewer never serve more. The experts of a mixture are whole in a copy, split in
    width or dealt out, or dealt out over the copies, then without a pipeline: engines that serve so need none.
    """
    groups = most_groups(architecture)
    for tensor in (1,) if by_layers else tensor_sizes(architecture, min(devices, node)):
        for pipeline in range(1, min(devices // tensor, most_stages(architecture)) + 1):
            if stages is not None and pipeline not in stages:
                continue
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
    # in the order of `estimate_end_to_end`, whose last digits these have
    ttft_ms, tpot_ms = ttft * 1e3, tpot * 1e3
    total_ms = ttft_ms + tpot_ms * (load.output - 1)
    return LayoutRow(
        **layout.said(),
        micro_batch=ceil_div(ceil_div(load.sequences, layout.data), layout.pipeline),
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        output_tokens_per_s=load.sequences * load.output / total_ms * 1e3,
        decode_tokens_per_s=load.sequences / tpot,
        prefill_tokens_per_s=load.sequences * load.tokens / ttft,
        memory_share=memory_share,
    )


def usd_per_million(usd_per_hour: Quantity, tokens_per_s: Quantity) -> Quantity:
    """US dollars of a million tokens."""
    return usd_per_hour / 3600 / tokens_per_s * 1e6


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
    assert deployment.devices is not None
    return offer_on(
        machine_of(deployment), deployment.architecture, deployment.devices, batch, staged=deployment.over_stages
    )


def offer_on(machine: Machine, architecture: Architecture, devices: int, batch: int, *, staged: bool = True) -> Offer:
    """The same of a machine; staged: those of several stages too."""
    return _offer(architecture, machine, devices, min(batch, devices), staged)


@lru_cache(maxsize=4096)
def _offer(architecture: Architecture, machine: Machine, devices: int, batch: int, staged: bool) -> Offer:
    engine, node = machine.engine, machine.accelerator.link_domain
    timed, untimed = [], []
    stages = None if staged else (1,)
    for layout in layouts_of(architecture, devices, node, batch, by_layers=engine.BY_LAYERS, stages=stages):
        if engine.refused(layout):
            continue
        try:
            require_links(machine, layout, bool(most_groups(architecture)))
        except LayoutError as error:
            untimed.append((layout, error))
        else:
            timed.append(layout)
    return Offer(layouts=side_by_side(timed) if timed else None, untimed=tuple(untimed))


def require_links(machine: Machine, layout: Parallelism, mixes: bool) -> None:
    """Raise LayoutError where devices that share layers have no link."""
    sum_law(machine, layout, experts=False)
    if mixes:
        sum_law(machine, layout, experts=True)
    hand_over_law(machine, layout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the fullest device of each layout holds (on each machine)."""

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

    if memory_side_by_side(deployment):
        try:
            assert deployment.usable_bytes is not None
            return held_together(deployment.laid_out(offered), load, deployment.usable_bytes, (len(offered.members),))
        except UnlikeError:
            pass
    each = [verdict_of(deployment.laid_out(layout), load) for layout in offered.members]
    return Held(
        needs=numpy.array([one.need.total for one in each], dtype=numpy.float64),
        margins=numpy.array([one.margin_bytes for one in each], dtype=numpy.float64),
        possible=numpy.array([one.possible for one in each]),
        shares=numpy.array([one.used_share for one in each], dtype=numpy.float64),
    )


def held_together(deployment: Deployment, load: Load, total_bytes: Quantity, shape: tuple[int, ...]) -> Held:
    """The same of layouts (and machines) side by side. Raises UnlikeError."""
    import numpy

    one = judge(deployment, load, ledger(deployment, load), total_bytes)
    needs = numpy.broadcast_to(one.need.total, shape)
    return Held(
        needs=needs,
        margins=numpy.broadcast_to(one.margin_bytes, shape),
        possible=numpy.broadcast_to(one.possible, shape),
        shares=needs / total_bytes,
    )


def memory_side_by_side(deployment: Deployment) -> bool:
    """Whether the ledger takes layouts side by side: that of all that is served step by step."""
    return deployment.architecture.task != "diffusion"


def times(deployment: Deployment, load: Load, offered: Layouts) -> tuple[Array, Array]:
    """Seconds to the first token of the last prompt, and mean seconds of a decode step, of each layout."""
    import numpy

    if time_side_by_side(deployment):
        try:
            return times_together(deployment.laid_out(offered), load, (len(offered.members),))
        except UnlikeError:
            pass
    clock = Clock()
    each = [deployment.laid_out(layout) for layout in offered.members]
    ttft = [prefill_time(one, load, clock).total for one in each]
    return numpy.array(ttft), numpy.array([decode_time(one, load, clock).total for one in each])


def times_together(deployment: Deployment, load: Load, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The same of layouts (and machines) side by side. Raises UnlikeError."""
    import numpy

    first, then = both_phases(deployment, load, Clock(Seconds))
    return numpy.broadcast_to(first.total, shape), numpy.broadcast_to(then.total, shape)


def time_side_by_side(deployment: Deployment) -> bool:
    """Whether times take layouts side by side."""
    engine = deployment.engine
    if deployment.architecture.task != "decoder" or engine.leaves_layers or engine.offloaded_bytes:
        return False
    return deployment.speculation is None and deployment.measured is None


def eligible(there: Held, offered: Array | bool = True) -> Array:
    """Which layouts are timed (on each machine): those that hold the load; where none does by the estimate, of those
    whose weights, cache and state are no more than a device shows the ones with least missing: a time is not refused
    for an estimate."""
    import numpy

    fits = offered & (there.margins >= 0)
    possible = offered & there.possible
    missing = numpy.sort(numpy.where(possible, -there.margins, numpy.inf), axis=0)
    least = possible & (-there.margins <= missing[min(_SHORT, len(missing)) - 1])
    found: Array = numpy.where(fits.any(axis=0), fits, least)
    return found


# Layouts that are timed where memory is short of all.
_SHORT = 4


def best(goal: str, row: LayoutRow, wanted: Array, share: Quantity = 1) -> Array:
    """The index of the best of the wanted layouts along the first axis (for each machine), of layouts as good that of
    fewer devices, then the narrower and the shorter one; -1 where none is wanted."""
    import numpy

    left = wanted
    for key in _keys(goal, row, share):
        values = numpy.where(left, key, numpy.inf)
        left = left & (values == values.min(axis=0))
    return numpy.where(wanted.any(axis=0), left.argmax(axis=0), -1)


def order(goal: str, row: LayoutRow, share: Quantity = 1) -> Array:
    """The indices of layouts, best first, with the same between layouts as good."""
    import numpy

    # the last key is the first that counts
    found: Array = numpy.lexsort(tuple(reversed(_keys(goal, row, share))))
    return found


def _keys(goal: str, row: LayoutRow, share: Quantity = 1) -> tuple[Array, ...]:
    import numpy

    first, second = scores(goal, row, share)
    sizes = (row.devices, row.tensor_parallel, row.pipeline_parallel)
    shape = numpy.shape(first)
    return (rounded(first), rounded(second), *(numpy.broadcast_to(size, shape) for size in sizes))


def rounded(values: Array) -> Array:
    """Scores without the digits in which equally good ones may differ."""
    import numpy

    unit = 10 ** (numpy.floor(numpy.log10(numpy.abs(values))) - _DIGITS)
    rounded: Array = numpy.rint(values / unit) * unit
    return rounded
