"""Operating points of deployments as arrays: of each layout of a copy on each accelerator its steady states, and the
fewest copies that may serve a load within targets by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CalculatorError
from ..parallel import Layouts, Parallelism, most_groups, sharing_layouts, side_by_side
from ..performance.chance import Copy, Met
from ..performance.machine import machine_of
from ..performance.reports import served_interval
from ..performance.serving import kept_tokens, mean_request, most_running
from .cells import layouts_of, require_links

if TYPE_CHECKING:
    import numpy

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..performance.machine import Machine
    from .fleet import Fleet

    Array = numpy.ndarray[Any, Any]

# Users of a copy at which its steady state is asked, turns of its fixed point (what is chosen is simulated), and by how
# much these numbers are apart at most.
_USERS = (1, 2, 5, 12, 30, 75, 200, 500, 1024)
_TURNS = 4
_APART = 2.7
# Stages of a pipeline that are tried, the most devices of a copy, and those over which copies whose attention is whole
# share experts.
_STAGES, _MOST, _SHARING = (1, 2, 4, 8), 64, (8, 16, 32, 64)
# By how much a time of the steady state may pass its target where the simulation's may not.
_SLACK = 1.25
# Layouts of an accelerator in a format that are kept: those of fewest devices, and the quickest.
_FEWEST, _QUICKEST = 6, 2

Level = Literal["likely", "surely"]
LEVELS: tuple[Level, ...] = ("likely", "surely")
"""By the estimate, and by the upper end of its range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is asked of a deployment. With neither a rate nor users: the highest rate that it serves."""

    rate: float | None
    """Requests a second."""
    users: int | None
    """Or users who each ask, wait, think and ask again."""
    think_s: float
    """For so many seconds."""
    ttft: float | None
    """Seconds."""
    tpot: float | None
    percentile: str
    """Of which both are: mean_ms, p50_ms ..."""
    budget: float | None
    """US dollars an hour."""
    most: int | None
    """Devices of all copies at most; None: as many as there are, or where nobody said, 64 for a load and one copy for
    the highest rate."""
    spare: int
    """Copies more than the load needs."""

    @property
    def highest(self) -> bool:
        """Whether the highest rate is looked for."""
        return self.rate is None and self.users is None

    def bounded(self, there: int | None) -> bool:
        """Whether anything says how many devices there are at most."""
        return self.most is not None or there is not None or self.budget is not None

    def devices(self, there: int | None) -> int:
        """Devices at most where so many are at hand."""
        return min(MOST_DEVICES if self.most is None else self.most, inf if there is None else there)  # type: ignore[return-value]


MOST_DEVICES = 64
"""Devices at most where nobody said how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A deployment that may be planned with, in no layout yet."""

    deployment: Deployment
    """Its devices are those at hand; None where nobody said."""
    published: bool
    """Whether its weights are as the checkpoint has them."""
    price: float | None
    """US dollars an hour of a device."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A layout of a copy on an accelerator in a format; of copies that share experts, of all of them."""

    offer: Offer
    layout: Parallelism
    load: Load
    targets: Targets
    copy: Copy
    limit: int
    """How many of it there may be, those to spare left out."""
    highs: tuple[float, float]
    """The upper ends of the ranges of TTFT and TPOT over their estimates."""
    fewest: dict[Level, int]
    """Of it, by the steady state, which is a little too few or enough; 0 where none keep the targets."""
    most: dict[Level, float]
    """Requests a second of one of it by the steady state, where the highest rate is looked for."""
    expected: dict[int, Met | None] = field(default_factory=dict)

    @property
    def sharing(self) -> bool:
        return self.layout.pooled > 1

    def deployed(self, count: int) -> Deployment:
        """So many of it."""
        layout = self.layout if self.sharing else replace(self.layout, data=count)
        return replace(self.offer.deployment.laid_out(layout), devices=None)

    def devices(self, count: int) -> int:
        return self.layout.devices * count

    def cost(self, count: int) -> float | None:
        """US dollars an hour of so many."""
        return None if self.offer.price is None else round(self.offer.price * self.devices(count), 4)

    @cached_property
    def measured(self) -> bool:
        return evidence_of(self.offer.deployment) == "measured"

    def factors(self, level: Level) -> tuple[float, float]:
        """By which TTFT and TPOT are weighed."""
        return self.highs if level == "surely" else (1.0, 1.0)

    def filled(self, count: int, rate: float, level: Level) -> float:
        """The share that a rate is of the highest, which is as much lower as a token may be slower."""
        return rate * self.factors(level)[1] / (self.copy.most * self._copies(count))

    def meets(self, first: float, each: float, level: Level) -> float:
        """The larger share of its target that either takes."""
        by_first, by_each = self.factors(level)
        return max(first * by_first / (self.targets.ttft or inf), each * by_each / (self.targets.tpot or inf))

    def met(self, count: int, rate: float | None = None) -> Met | None:
        """What requests meet with so many of it; None where the queue grows without end."""
        if rate is not None:
            return self.copy.by_chance(rate / self._copies(count), self.targets.percentile)
        if count not in self.expected:
            self.expected[count] = self._met(count)
        return self.expected[count]

    def _met(self, count: int) -> Met | None:
        targets, copies = self.targets, self._copies(count)
        if targets.rate is not None:
            return self.copy.by_chance(targets.rate / copies, targets.percentile)
        users = targets.users or 0
        if targets.think_s:
            return self.copy.after_thought(users / copies, targets.think_s, targets.percentile)
        return self.copy.asked_again(ceil(users / copies), targets.percentile)

    def _copies(self, count: int) -> int:
        return count * self.layout.data


def _limits(layouts: Layouts, offers: Sequence[Offer], targets: Targets) -> Array:
    """How many of each layout there may be of each accelerator, those to spare left out."""
    import numpy

    sizes = numpy.array([layout.devices for layout in layouts.members])[:, None]
    sharing = numpy.array([layout.pooled > 1 for layout in layouts.members])[:, None]
    limits = numpy.array([targets.devices(one.deployment.devices) for one in offers]) // sizes
    if targets.budget is not None:
        prices = numpy.array([inf if one.price is None else one.price for one in offers])
        limits = numpy.minimum(limits, numpy.floor(targets.budget / (prices * sizes) + 1e-9))
    if targets.highest:
        free = numpy.array([not targets.bounded(one.deployment.devices) for one in offers])
        limits = numpy.where(free, numpy.minimum(limits, 1 + targets.spare), limits)
    if targets.users is not None:
        limits = numpy.minimum(limits, targets.users + targets.spare)
    # what shares experts is one whole, of which none is spared
    limits = numpy.where(sharing, numpy.minimum(limits, 1) * (targets.spare == 0), limits - targets.spare)
    found: Array = numpy.maximum(limits, 0).astype(int)
    return found


def evidence_of(deployment: Deployment) -> str:
    """What stands behind its times."""
    machine = machine_of(deployment)
    return machine.evidence if machine.engine.timed else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The operating points of a fleet."""

    candidates: list[Candidate]
    """Those of each accelerator that are worth a closer look."""
    considered: int
    """Operating points that have room."""
    meeting: int
    """Those of them that keep the targets."""
    least: tuple[float, float] | None
    """The least (TTFT, TPOT) in seconds that any has."""


@lru_cache(maxsize=256)
def _lists(architecture: Architecture, node: int, most: int, *, by_layers: bool) -> tuple[Layouts, ...]:
    """Layouts of one copy, and of copies that share experts."""
    alone = list(layouts_of(architecture, min(_MOST, most), node, 1, by_layers=by_layers, stages=_STAGES))
    sharing = [
        layout
        for devices in _SHARING
        for layout in (() if by_layers or devices > most else sharing_layouts(architecture, devices))
        if layout.tensor == 1
    ]
    return tuple(side_by_side(some, column=True) for some in (alone, sharing) if some)


def points_of(fleet: Fleet, offers: Sequence[Offer], load: Load, targets: Targets) -> Iterator[Points]:
    """The operating points of a fleet. Raises UnlikeError."""
    first = fleet.deployments[0]
    nodes = [one.accelerator.link_domain for one in fleet.deployments if one.accelerator is not None]
    most = max(targets.devices(one.devices) for one in fleet.deployments)
    for layouts in _lists(first.architecture, min(max(nodes), most), most, by_layers=first.engine.BY_LAYERS):
        yield _points(fleet, offers, load, targets, layouts)


def _points(fleet: Fleet, offers: Sequence[Offer], load: Load, targets: Targets, layouts: Layouts) -> Points:
    import numpy

    traffic, first = load.traffic, fleet.deployments[0]
    assert traffic is not None
    mean = mean_request(traffic)
    taken = _taken(fleet, layouts)
    rooms = fleet.room_tokens(load, layouts) / kept_tokens(traffic, first.engine.scheduler)
    most = numpy.array([most_running(one) for one in fleet.deployments], dtype=numpy.float64)
    rooms = numpy.where(taken, numpy.minimum(numpy.floor(rooms), most), 0.0)
    holding = rooms.any(axis=1)
    if not holding.any():
        return Points(candidates=[], considered=0, meeting=0, least=None)
    # what no machine has room for need not be timed
    layouts, rooms = _of(layouts, tuple(numpy.flatnonzero(holding).tolist())), rooms[holding]
    # users beyond the largest room tell nothing
    reach = [at for at in _USERS if at < _APART * rooms.max()]
    users = numpy.array(reach or _USERS[:1], dtype=numpy.float64)[:, None, None]
    state = fleet.steady(layouts, users=users, turns=_TURNS, **mean)
    shape = numpy.broadcast_shapes(users.shape, rooms.shape)
    rate, tpot, wait = (numpy.broadcast_to(one, shape) for one in (state.rate, state.tpot, state.wait))
    highs = _highs(fleet.deployments)
    holds = users <= rooms
    share = numpy.maximum(wait / (targets.ttft or numpy.inf), tpot / (targets.tpot or numpy.inf))
    served = users + rate * targets.think_s if targets.users is not None else rate
    sizes = numpy.array([layout.devices for layout in layouts.members])
    copies = numpy.array([layout.data for layout in layouts.members], dtype=numpy.float64)[:, None]
    limits = _limits(layouts, offers, targets)
    wanted = targets.rate if targets.users is None else float(targets.users)
    fewest: dict[Level, Array] = {}
    most_of: dict[Level, Array] = {}
    for level, (slow_first, slow_each) in zip(LEVELS, ((1.0, 1.0), highs), strict=True):
        shares = numpy.maximum(
            wait * slow_first / (targets.ttft or numpy.inf), tpot * slow_each / (targets.tpot or numpy.inf)
        )
        most_served = _most(numpy.broadcast_to(users, shape), served, shares / _SLACK, rooms) * copies
        if wanted is None:
            counts = numpy.where(most_served > 0, limits, 0)
        else:
            with numpy.errstate(divide="ignore"):
                counts = numpy.ceil(wanted / most_served - 1e-9)
            counts = numpy.where(counts <= limits, numpy.maximum(counts, 1), 0)
        fewest[level], most_of[level] = counts.astype(int), most_served
    candidates = []
    for machine, offer in enumerate(offers):
        needed = fewest["likely"][:, machine]
        devices = needed * sizes
        if wanted is None:
            bounded = targets.bounded(offer.deployment.devices)
            devices = _by_rate(most_of["likely"][:, machine] * needed, devices, bounded=bounded)
        kept = _kept(devices, tpot[0, :, machine], rooms[:, machine], share[:, :, machine], limits[:, machine])
        for index in kept:
            candidates.append(
                Candidate(
                    offer=offer,
                    layout=layouts.members[index],
                    load=load,
                    targets=targets,
                    copy=Copy(
                        users=users[:, 0, 0],
                        tpot=tpot[:, index, machine],
                        wait=wait[:, index, machine],
                        steps=mean["output"] - 1,
                        room=float(rooms[index, machine]),
                    ),
                    limit=int(limits[index, machine]),
                    highs=(float(highs[0][machine]), float(highs[1][machine])),
                    fewest={level: int(fewest[level][index, machine]) for level in LEVELS},
                    most={level: float(most_of[level][index, machine]) for level in LEVELS},
                )
            )
    least = (float(wait[holds].min()), float(tpot[holds].min())) if holds.any() else None
    return Points(
        candidates=candidates,
        considered=int(holds.sum()),
        meeting=int((holds & (share <= 1)).sum()),
        least=least,
    )


@lru_cache(maxsize=256)
def _of(layouts: Layouts, which: tuple[int, ...]) -> Layouts:
    """Some of them."""
    return side_by_side([layouts.members[index] for index in which], column=True)


def _by_rate(rates: Array, devices: Array, *, bounded: bool) -> Array:
    """What orders layouts where the highest rate is looked for, in place of their devices: the rate, or what each
    device does of it where nothing bounds their number; 0 where none keeps the targets."""
    import numpy

    worth = rates if bounded else rates / numpy.maximum(devices, 1)
    return numpy.where(worth > 0, worth.max(initial=0) / numpy.where(worth > 0, worth, 1), 0.0)


def _kept(devices: Array, quick: Array, rooms: Array, shares: Array, limits: Array) -> list[int]:
    """Layouts of an accelerator that are worth a closer look: those with which the load may take the fewest devices,
    the quickest of those with at most twice as many; where none keeps the targets, the one that comes nearest."""
    import numpy

    there = numpy.flatnonzero(devices)
    if not len(there):
        possible = numpy.flatnonzero((rooms >= 1) & (limits >= 1))
        return [] if not len(possible) else [int(possible[shares[0, possible].argmin()])]
    order = there[numpy.lexsort((quick[there], devices[there]))]
    near = there[devices[there] <= 2 * devices[order[0]]]
    quickest = near[quick[near].argsort(kind="stable")][:_QUICKEST]
    return list(dict.fromkeys([*order[:_FEWEST].tolist(), *quickest.tolist()]))


def _most(users: Array, served: Array, shares: Array, rooms: Array) -> Array:
    """What is served where a share first reaches 1 or the room is full, between the points on a logarithmic scale;
    0 where the first is too much."""
    import numpy

    with numpy.errstate(divide="ignore", invalid="ignore"):
        binds = numpy.log(numpy.maximum(shares, users / rooms))
        beyond = binds > 0
        last = numpy.where(beyond.any(axis=0), beyond.argmax(axis=0), len(users))[None]
        low, high = numpy.maximum(last - 1, 0), numpy.minimum(last, len(users) - 1)
        at_low, at_high = (numpy.take_along_axis(binds, at, axis=0)[0] for at in (low, high))
        from_low, to_high = (numpy.log(numpy.take_along_axis(served, at, axis=0)[0]) for at in (low, high))
        part = numpy.where((high > low)[0], -at_low / (at_high - at_low), 0.0)
        found: Array = numpy.exp(from_low + numpy.clip(part, 0, 1) * (to_high - from_low))
    return numpy.where(last[0] == 0, 0.0, found)


def _highs(deployments: Sequence[Deployment]) -> tuple[Array, Array]:
    """The upper ends of the ranges of a served load's TTFT and TPOT over their estimates, of each."""
    import numpy

    first = [served_interval(one, "ttft", 1.0).high for one in deployments]
    each = [served_interval(one, "tpot", 1.0).high for one in deployments]
    return numpy.array(first), numpy.array(each)


def _taken(fleet: Fleet, layouts: Layouts) -> Array:
    """Which layouts each accelerator takes."""
    import numpy

    mixes = bool(most_groups(fleet.deployments[0].architecture))
    return numpy.array([_takes(machine_of(one), layouts, mixes) for one in fleet.deployments]).T


@lru_cache(maxsize=1024)
def _takes(machine: Machine, layouts: Layouts, mixes: bool) -> tuple[bool, ...]:
    return tuple(_is_taken(machine, layout, mixes) for layout in layouts.members)


def _is_taken(machine: Machine, layout: Parallelism, mixes: bool) -> bool:
    """Whether it stays in a node, its engine does not refuse it, and links are there."""
    if layout.tensor > machine.accelerator.link_domain or machine.engine.refused(layout):
        return False
    try:
        require_links(machine, layout, mixes)
    except CalculatorError:
        return False
    return True
