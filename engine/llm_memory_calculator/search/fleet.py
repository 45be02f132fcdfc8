"""Many accelerators at once: of each the best layout, as arrays over layouts and machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import CalculatorError, LayoutError
from ..memory import judge, ledger, verdict_of
from ..memory.inverse import tokens_in
from ..parallel import Layouts, Parallelism, side_by_side, tensor_sizes
from ..performance.machine import FleetEngine, Machine, fleet_of, machine_of
from ..performance.serving import room_tokens
from ..performance.steady import Steady, steady_state
from ..performance.step import require_laws
from ..stacks import UnlikeError
from ..units import somewhere
from . import cells
from .cells import Held, offer_of, row_of

if TYPE_CHECKING:
    import numpy

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..engines import Engine

    Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The best layout of an accelerator that holds the load."""

    layout: Parallelism
    score: tuple[float, float]
    """By the goal, smaller is better."""
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Deployments that differ in their accelerators alone, side by side. Compared by identity."""

    deployments: tuple[Deployment, ...]
    engine: FleetEngine | None
    """For times; None where layouts are asked one by one."""
    holding: Engine
    """For memory."""
    total_bytes: Array
    """What the runtime shows of a device of each."""

    def held(self, load: Load, layouts: Layouts) -> Held:
        there = self.deployments[0].moved(self.holding, self.deployments[0].accelerator, layouts)
        return cells.held_together(there, load, self.total_bytes, self._shape(layouts))

    def times(self, load: Load, layouts: Layouts) -> tuple[Array, Array]:
        engine: Any = self.engine
        there = self.deployments[0].moved(engine, self.deployments[0].accelerator, layouts)
        return cells.times_together(there, load, self._shape(layouts))

    def steady(self, layouts: Layouts, **load: Any) -> Steady:
        """The steady state of a copy in each layout on each machine, of loads along a first axis. Raises UnlikeError
        where it is asked of several machines."""
        engine: Any = self.engine
        if engine is not None:
            try:
                return steady_state(self.deployments[0].moved(engine, self.deployments[0].accelerator, layouts), **load)
            except UnlikeError:
                if len(self.deployments) > 1:
                    raise
        (one,) = self.deployments
        return _along([steady_state(one.laid_out(layout), **load) for layout in layouts.members])

    def room_tokens(self, load: Load, layouts: Layouts) -> Array:
        """Tokens of cache that a copy has room for; 0 where it does not hold one request. Raises UnlikeError where it
        is asked of several machines."""
        import numpy

        one = replace(load, sequences=1)
        try:
            return self._rooms_together(one, layouts)
        except UnlikeError:
            if len(self.deployments) > 1:
                raise
        (deployment,) = self.deployments
        each = [_room_of(deployment.laid_out(layout), one) for layout in layouts.members]
        return numpy.array(each, dtype=numpy.float64)[:, None]

    def _rooms_together(self, one: Load, layouts: Layouts) -> Array:
        import numpy

        there = self.deployments[0].moved(self.holding, self.deployments[0].accelerator, layouts)
        with numpy.errstate(divide="ignore", invalid="ignore"):
            verdict = judge(there, one, ledger(there, one), self.total_bytes)
            tokens = tokens_in(self.holding, verdict, one.tokens + one.output)
        # without a cache room is counted in sequences, one by one
        if somewhere((verdict.need.kv_cache <= 0) | (verdict.need.kept <= 0) | (verdict.fits & (tokens <= 0))):
            raise UnlikeError("what keeps no cache")
        rooms = numpy.where(verdict.fits, tokens, 0.0)
        return numpy.broadcast_to(rooms, self._shape(layouts))

    def _shape(self, layouts: Layouts) -> tuple[int, int]:
        return len(layouts.members), len(self.deployments)


def _along(found: Sequence[Steady]) -> Steady:
    """Steady states of layouts, each of loads along a first axis, along a second one."""
    import numpy

    def number(name: str) -> Array:
        values = numpy.broadcast_arrays(*(getattr(one, name) for one in found))
        return numpy.concatenate([numpy.atleast_3d(value) for value in values], axis=1)

    return Steady(**{item.name: number(item.name) for item in fields(Steady)})


def _room_of(deployment: Deployment, load: Load) -> float:
    try:
        return room_tokens(deployment, load) if verdict_of(deployment, load).fits else 0.0
    except CalculatorError:
        return 0.0


def alone_of(deployment: Deployment) -> Fleet:
    """One deployment as a fleet, whose layouts are asked one by one where they do not go side by side.

    Raises LayoutError where the machine has no law.
    """
    import numpy

    require_laws(deployment)
    engine = fleet_of([machine_of(deployment)]) if cells.time_side_by_side(deployment) else None
    total = numpy.array([deployment.usable_bytes], dtype=numpy.float64)
    return Fleet(deployments=(deployment,), engine=engine, holding=deployment.engine, total_bytes=total)


def together(deployments: Iterable[Deployment]) -> tuple[list[Fleet], list[Deployment]]:
    """Deployments in fleets, and those that are asked one by one."""
    groups: dict[object, list[Deployment]] = {}
    alone = []
    for one in deployments:
        if not (cells.memory_side_by_side(one) and cells.time_side_by_side(one) and _timed(one)):
            alone.append(one)
            continue
        engine, kernels = one.engine, one.engine.kernels
        alike = (
            engine.alike,
            kernels.skips,
            bool(engine.host.dispatch),
            engine.step_tokens,
            engine.scheduler,
            one.formats,
        )
        groups.setdefault(alike, []).append(one)
    fleets = []
    for members in groups.values():
        found = _fleet(tuple(machine_of(one) for one in members))
        if found is None:
            alone += members
        else:
            of_times, holding, total = found
            fleets.append(Fleet(deployments=tuple(members), engine=of_times, holding=holding, total_bytes=total))
    return fleets, alone


def _timed(deployment: Deployment) -> bool:
    try:
        require_laws(deployment)
    except LayoutError:
        return False
    return True


@lru_cache(maxsize=32)
def _fleet(machines: tuple[Machine, ...]) -> tuple[FleetEngine, Engine, Array] | None:
    import numpy

    try:
        engine = fleet_of(machines)
    except UnlikeError:
        return None
    engines = tuple(machine.engine for machine in machines)
    shared: Any = engines[0]
    total = numpy.array([one.total_bytes for one in engines], dtype=numpy.float64)
    return engine, replace(shared, beside=engines), total


def fewest_of_each(fleet: Fleet, load: Load) -> list[int]:
    """Of each accelerator the fewest devices of a node that hold the load; all of a node where none do."""
    import numpy

    architecture = fleet.deployments[0].architecture
    nodes = numpy.array([_node(one) for one in fleet.deployments])
    layouts = _groups(architecture, int(nodes.max()))
    margins = fleet.held(load, layouts).margins
    sizes = numpy.array([layout.tensor for layout in layouts.members])[:, None]
    holds = (margins >= 0) & (sizes <= nodes)
    fewest = numpy.where(holds.any(axis=0), sizes[holds.argmax(axis=0), 0], nodes)
    return [int(devices) for devices in fewest]


@lru_cache(maxsize=256)
def _groups(architecture: Architecture, node: int) -> Layouts:
    return side_by_side([Parallelism(tensor=size) for size in tensor_sizes(architecture, node)], column=True)


def best_of_each(fleet: Fleet, load: Load, goal: str, *, by_device: bool) -> list[Cell | None]:
    """Of each accelerator the best layout of up to its devices, of those that `cells.eligible` says; None where there
    is none. by_device: its score is of each device. Raises UnlikeError."""
    import numpy

    offers = []
    for one in fleet.deployments:
        try:
            offers.append(offer_of(one, load.sequences).members)
        except LayoutError:
            offers.append(())
    if not any(offers):
        return [None] * len(offers)
    layouts, offered = _union(tuple(offers))
    there = fleet.held(load, layouts)
    wanted = cells.eligible(there, offered)
    ttft, tpot = fleet.times(load, layouts)
    row = row_of(layouts, load, ttft, tpot, there.shares)
    chosen = cells.best(goal, row, wanted)
    first, second = cells.scores(goal, row, by_device=by_device)
    here = numpy.arange(len(offers))
    firsts, seconds = first[chosen, here].tolist(), second[chosen, here].tolist()
    fits = (there.margins[chosen, here] >= 0).tolist()
    return [
        None if index < 0 else Cell(layout=layouts.members[index], score=score, fits=holds)
        for index, score, holds in zip(chosen.tolist(), zip(firsts, seconds, strict=True), fits, strict=True)
    ]


@lru_cache(maxsize=64)
def _union(offers: tuple[tuple[Parallelism, ...], ...]) -> tuple[Layouts, Array]:
    """All layouts that any is offered, and which of them each is."""
    import numpy

    every = list(dict.fromkeys(layout for members in offers for layout in members))
    place = {layout: index for index, layout in enumerate(every)}
    offered = numpy.zeros((len(every), len(offers)), dtype=bool)
    for machine, members in enumerate(offers):
        offered[[place[layout] for layout in members], machine] = True
    return side_by_side(every, column=True), offered


def _node(deployment: Deployment) -> int:
    assert deployment.accelerator is not None
    return deployment.accelerator.link_domain
