"""Many accelerators at once: of each the best layout, as arrays over layouts and machines."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import CalculatorError, LayoutError
from ..memory import Verdict, judge, ledger, verdict_of
from ..memory.inverse import most_sequences, tokens_in
from ..parallel import Layouts, Parallelism, side_by_side, tensor_sizes
from ..performance.machine import FleetEngine, Machine, fleet_of, machine_for, machine_of
from ..performance.serving import room_tokens
from ..performance.steady import Steady, steady_state
from ..performance.step import require_laws
from ..stacks import UnlikeError
from ..units import somewhere
from . import cells
from .cells import Held, offer_on, row_of

if TYPE_CHECKING:
    import numpy

    from llm_memory_hardware import Accelerator

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..engines import Engine
    from ..formats.scheme import Formats

    Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A layout of an accelerator: its best for the load, or the one that is nearest to hold it."""

    layout: Parallelism
    margin_bytes: float
    """What is left on the fullest device; below 0: what is missing."""
    times: tuple[float, float] | None
    """Seconds to the first token, and of each after it; None where no layout can hold the load."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Deployments that differ in their accelerators alone, side by side. Compared by identity."""

    deployments: tuple[Deployment, ...]
    engine: FleetEngine | None
    """For times; None where layouts are asked one by one, or accelerators that run otherwise for memory alone."""
    holding: Engine
    """For memory."""
    total_bytes: Array
    """What the runtime shows of a device of each."""

    def there(self, layouts: Layouts) -> Deployment:
        """The deployments in layouts side by side, as their memory is judged."""
        return self.deployments[0].moved(self.holding, self.deployments[0].accelerator, layouts)

    def judged(self, there: Deployment, load: Load) -> Verdict:
        """What they hold, judged; numbers of the load may be of each layout on each machine."""
        return judge(there, load, ledger(there, load), self.total_bytes)

    def held(self, load: Load, layouts: Layouts) -> Held:
        return cells.held_together(self.there(layouts), load, self.total_bytes, self.shape(layouts))

    def times(self, load: Load, layouts: Layouts) -> tuple[Array, Array]:
        engine: Any = self.engine
        there = self.deployments[0].moved(engine, self.deployments[0].accelerator, layouts)
        return cells.times_together(there, load, self.shape(layouts))

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

        there = self.there(layouts)
        with numpy.errstate(divide="ignore", invalid="ignore"):
            verdict = self.judged(there, one)
            tokens = tokens_in(self.holding, verdict, one.tokens + one.output)
        # without a cache room is counted in sequences
        counted = (verdict.need.kv_cache <= 0) | (verdict.need.kept <= 0) | (verdict.fits & (tokens <= 0))
        if somewhere(counted):
            held = most_sequences(there, one, judged=self.judged) / there.layout.data
            tokens = numpy.where(counted, held * (one.tokens + one.output), tokens)
        rooms = numpy.where(verdict.fits, tokens, 0.0)
        return numpy.broadcast_to(rooms, self.shape(layouts))

    @property
    def machines(self) -> tuple[Machine, ...]:
        return tuple(map(machine_of, self.deployments)) if self.engine is None else self.engine.members

    @property
    def nodes(self) -> Array:
        """Devices that each accelerator's links reach."""
        return _nodes(self.machines)

    def of(self, where: tuple[int, ...]) -> Fleet:
        """Some of its deployments side by side, in this order."""
        if where == tuple(range(len(self.deployments))):
            return self
        return made_of([self.deployments[index] for index in where], [self.machines[index] for index in where])

    def shape(self, layouts: Layouts) -> tuple[int, int]:
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

    require_laws(machine_of(deployment), deployment.architecture, deployment.formats)
    engine = fleet_of([machine_of(deployment)]) if cells.time_side_by_side(deployment) else None
    total = numpy.array([deployment.usable_bytes], dtype=numpy.float64)
    return Fleet(deployments=(deployment,), engine=engine, holding=deployment.engine, total_bytes=total)


def together(deployments: Iterable[Deployment], *, timed: bool = True) -> tuple[list[Fleet], list[Deployment]]:
    """Deployments in fleets, and those that are asked one by one. timed: their times are asked too."""
    deployments = tuple(deployments)
    sides = [cells.memory_side_by_side(one) and (not timed or cells.time_side_by_side(one)) for one in deployments]
    machines = tuple(
        (one.engine, one.accelerator, one.architecture, one.formats, side)
        for one, side in zip(deployments, sides, strict=True)
    )
    groups, alone = _grouped(machines, timed)
    fleets = [
        Fleet(
            deployments=tuple(deployments[index] for index in group), engine=engine, holding=holding, total_bytes=total
        )
        for group, (engine, holding, total) in groups
    ]
    return fleets, [deployments[index] for index in alone]


_Sides = tuple["Engine", "Accelerator | None", "Architecture", "Formats", bool]
_Parts = tuple["FleetEngine | None", "Engine", "Array"]


@lru_cache(maxsize=32)
def _grouped(
    members: tuple[_Sides, ...], timed: bool
) -> tuple[tuple[tuple[tuple[int, ...], _Parts], ...], tuple[int, ...]]:
    """The indices of those that make a fleet, with its parts, and of those that stand alone."""
    groups: dict[object, list[int]] = {}
    alone, machines = list[int](), list[Machine]()
    for index, (engine, accelerator, architecture, formats, sides) in enumerate(members):
        assert accelerator is not None
        machines.append(machine_for(accelerator, engine))
        if not sides or (timed and not _has_laws(machines[index], architecture, formats)):
            alone.append(index)
            continue
        likeness = _likeness(engine) if timed else (engine.alike,)
        groups.setdefault((id(formats), *likeness), []).append(index)
    fleets = []
    for group in groups.values():
        parts = _fleet(tuple(machines[index] for index in group))
        if timed and parts[0] is None:
            alone += group
        else:
            fleets.append((tuple(group), parts))
    return tuple(fleets), tuple(alone)


@lru_cache(maxsize=4096)
def _likeness(engine: Engine) -> tuple[object, ...]:
    """What engines have in common that hold and run side by side."""
    host, kernels = engine.host, engine.kernels
    return (
        engine.alike,
        # of one budget prompts are cut into fewer unlike steps, which is quicker than fewer fleets
        engine.step_tokens,
        kernels.skips,
        repr(kernels.local),
        repr(kernels.host_memory),
        bool(host.dispatch),
        engine.scheduler,
    )


@lru_cache(maxsize=8192)
def _has_laws(machine: Machine, architecture: Architecture, formats: Formats) -> bool:
    """Whether a machine can do what a model asks of it."""
    try:
        require_laws(machine, architecture, formats)
    except LayoutError:
        return False
    return True


@lru_cache(maxsize=256)
def _nodes(machines: tuple[Machine, ...]) -> Array:
    import numpy

    return numpy.array([machine.accelerator.link_domain for machine in machines])


def made_of(members: Sequence[Deployment], machines: Sequence[Machine]) -> Fleet:
    """Deployments, with their machines, as a fleet."""
    of_times, holding, total = _fleet(tuple(machines))
    return Fleet(deployments=tuple(members), engine=of_times, holding=holding, total_bytes=total)


@lru_cache(maxsize=128)
def _fleet(machines: tuple[Machine, ...]) -> _Parts:
    import numpy

    try:
        engine = fleet_of(machines)
    except UnlikeError:
        engine = None
    engines = tuple(machine.engine for machine in machines)
    shared: Any = engines[0]
    total = numpy.array([one.total_bytes for one in engines], dtype=numpy.float64)
    return engine, replace(shared, beside=engines), total


def fewest_of_each(fleet: Fleet, load: Load) -> list[int]:
    """Of each accelerator the fewest devices of a node that hold the load; all of a node where none do."""
    import numpy

    architecture = fleet.deployments[0].architecture
    nodes = fleet.nodes
    layouts = _groups(architecture, int(nodes.max()))
    margins = fleet.held(load, layouts).margins
    sizes = numpy.array([layout.tensor for layout in layouts.members])[:, None]
    holds = (margins >= 0) & (sizes <= nodes)
    fewest = numpy.where(holds.any(axis=0), sizes[holds.argmax(axis=0), 0], nodes)
    return [int(devices) for devices in fewest]


@lru_cache(maxsize=256)
def _groups(architecture: Architecture, node: int) -> Layouts:
    return side_by_side([Parallelism(tensor=size) for size in tensor_sizes(architecture, node)], column=True)


def best_of_each(fleet: Fleet, devices: Sequence[int], load: Load, goal: str, *, by_device: bool) -> list[Cell | None]:
    """Of each accelerator the best layout of up to so many devices, of those that `cells.eligible` says, or the one
    that is nearest to hold the load; None where none can be timed. by_device: the best by what each device does.

    Raises UnlikeError.
    """
    found: list[Cell | None] = [None] * len(devices)
    for where in alike(devices):
        part = fleet.of(where)
        best = _best_of(part, [devices[index] for index in where], load, goal, by_device=by_device)
        for index, cell in zip(where, best, strict=True):
            found[index] = cell
    return found


def alike(devices: Sequence[int]) -> list[tuple[int, ...]]:
    """Accelerators in groups with about as many devices: each is asked for all layouts of its group."""
    groups: dict[int, list[int]] = {}
    for index, count in enumerate(devices):
        groups.setdefault(bisect_left(_COUNTS, count), []).append(index)
    return [tuple(group) for group in groups.values()]


# The most devices of each group: a few more layouts cost less than another pass.
_COUNTS = (1, 8, 64, 256)


def _best_of(fleet: Fleet, devices: Sequence[int], load: Load, goal: str, *, by_device: bool) -> list[Cell | None]:
    import numpy

    layouts, offered = offered_to(fleet, devices, load.sequences)
    if layouts is None:
        return [None] * len(devices)
    there = fleet.held(load, layouts)
    wanted = cells.eligible(there, offered)
    holds = wanted.any(axis=0)
    nearest = numpy.where(offered, there.margins, -numpy.inf).argmax(axis=0)
    if holds.any():
        ttft, tpot = fleet.times(load, layouts)
        row = row_of(layouts, load, ttft, tpot, there.shares)
        chosen = numpy.where(holds, cells.best(goal, row, wanted, row.devices if by_device else 1), nearest)
    else:
        ttft = tpot = there.margins
        chosen = nearest
    here = numpy.arange(len(devices))
    margins, firsts, eaches = (column[chosen, here].tolist() for column in (there.margins, ttft, tpot))
    held, able = numpy.flatnonzero(holds).tolist(), numpy.flatnonzero(offered.any(axis=0)).tolist()
    timed = set(held)
    found: list[Cell | None] = [None] * len(devices)
    for machine in able:
        found[machine] = Cell(
            layout=layouts.members[chosen[machine]],
            margin_bytes=margins[machine],
            times=(firsts[machine], eaches[machine]) if machine in timed else None,
        )
    return found


def offered_to(fleet: Fleet, devices: Sequence[int], batch: int) -> tuple[Layouts | None, Array]:
    """The layouts of up to so many devices of each, and which of them each is offered."""
    first, machines = fleet.deployments[0], fleet.machines
    offers = (
        offer_on(machine, first.architecture, count, batch, staged=first.over_stages)
        for machine, count in zip(machines, devices, strict=True)
    )
    return _union(tuple(offer.layouts for offer in offers))


@lru_cache(maxsize=64)
def _union(offers: tuple[Layouts | None, ...]) -> tuple[Layouts | None, Array]:
    """All layouts that any is offered, and which of them each is."""
    import numpy

    members = [() if offer is None else offer.members for offer in offers]
    every = list(dict.fromkeys(layout for each in members for layout in each))
    place = {layout: index for index, layout in enumerate(every)}
    offered = numpy.zeros((len(every), len(offers)), dtype=bool)
    for machine, each in enumerate(members):
        offered[[place[layout] for layout in each], machine] = True
    return side_by_side(every, column=True) if every else None, offered
