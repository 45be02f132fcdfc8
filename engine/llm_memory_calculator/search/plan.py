"""Deployments that serve a load within targets: operating points as arrays, the best of them served event by event.

Of each layout of one copy, accelerator and format the steady state says, user by user, how many requests a second a
copy serves and how long they take; the copies follow from the rate that is asked. A few finalists are simulated with
their queue, and ranked anew by what the simulation says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from llm_memory_hardware import get_best_rate

from ..errors import CalculatorError
from ..memory import verdict_of
from ..memory.reports import launch_of
from ..parallel import Layouts, Parallelism, most_groups, most_stages, problem, side_by_side, tensor_sizes
from ..performance.machine import machine_of
from ..performance.reports import estimate_served, served_interval
from ..performance.serving import most_running
from ..report import Note, Plan, PlanReport
from ..stacks import UnlikeError
from .cells import require_links
from .fleet import Fleet, alone_of, together

if TYPE_CHECKING:
    import numpy

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..report import EndToEndReport, Interval

    Array = numpy.ndarray[Any, Any]

# Users of a copy at which its steady state is asked.
_USERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# Stages of a pipeline that are tried, and the most devices of a copy.
_STAGES, _MOST = (1, 2, 4, 8), 64
# Operating points that are simulated, of each order by which some are taken.
_FINALISTS = {"surely": 7, "by the estimate": 5, "measured": 3, "unquantised": 3, "quick": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is asked of a deployment."""

    rate: float | None
    """Requests a second."""
    users: int | None
    """Or users who each ask, wait and ask again."""
    ttft: float | None
    """Seconds."""
    tpot: float | None
    percentile: str
    """Of which both are: mean_ms, p50_ms ..."""
    budget: float | None
    """US dollars an hour."""
    most: int
    """Devices of all copies at most."""
    spare: int
    """Copies more than the load needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A layout of a copy at an operating point, with as many copies as the load takes."""

    deployment: Deployment
    """With all copies."""
    unquantised: bool
    cost: float | None
    """US dollars an hour."""
    surely: bool
    """Whether the upper end of its range keeps the targets too, by the steady state."""
    tpot: float

    @property
    def devices(self) -> int:
        return self.deployment.layout.devices

    @property
    def measured(self) -> bool:
        return machine_of(self.deployment).evidence == "measured"

    @property
    def order(self) -> tuple[float, int, int, int]:
        layout = self.deployment.layout
        return (float("inf") if self.cost is None else self.cost, self.devices, layout.tensor, layout.pipeline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A deployment that was simulated."""

    point: Point
    report: EndToEndReport
    ttft: float
    """Seconds, at the percentile of the targets."""
    tpot: float | None
    ttft_interval: Interval
    """Milliseconds."""
    tpot_interval: Interval | None
    meets: str
    """surely: the upper ends too; likely: the estimates; perhaps: a lower end; no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was looked at, and what came of it."""

    considered: int
    """Operating points that have room."""
    meeting: int
    """Those of them that keep the targets."""
    planned: tuple[Planned, ...]
    """Simulated, the cheapest first."""
    left_out: tuple[str, ...]
    """Accelerators that could not be asked, with the reason."""
    nearest: tuple[float, float] | None = None
    """The least (ttft, tpot) in seconds that any point has, where none keeps the targets."""


_NONE: Mapping[str, str] = MappingProxyType({})


def search(
    offered: Sequence[tuple[Deployment, bool]],
    load: Load,
    targets: Targets,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> Search:
    """Plans for the deployments that are offered, each with whether its weights are as the checkpoint has them.

    refused: accelerators on which there is none, with the reason.
    """
    points, considered, meeting, least = list[Point](), 0, 0, list[tuple[float, float]]()
    left_out = [f"{name}: {reason}" for name, reason in refused.items()]
    by_format: dict[bool, list[Deployment]] = {}
    unquantised = {id(one.formats): own for one, own in offered}
    for one, own in offered:
        by_format.setdefault(own, []).append(one)
    fleets, alone = together([one for one, _ in offered], load)
    for one in alone:
        try:
            fleets.append(alone_of(one))
        except (CalculatorError, UnlikeError) as error:
            left_out.append(f"{one.device}: {error}")
    for fleet in fleets:
        try:
            found = _points(fleet, load, targets, unquantised[id(fleet.deployments[0].formats)])
        except UnlikeError as error:
            left_out.append(f"{fleet.deployments[0].device} and others alike: {error}")
            continue
        considered, meeting = considered + found.considered, meeting + found.meeting
        points += found.points
        least += found.least
    tried = [_served(point, load, targets) for point in _finalists(points)]
    planned = sorted((one for one in tried if one is not None), key=lambda one: one.point.order)
    nearest = None
    if not planned and least:
        nearest = min(one[0] for one in least), min(one[1] for one in least)
    return Search(
        considered=considered, meeting=meeting, planned=tuple(planned), left_out=tuple(left_out), nearest=nearest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    points: list[Point]
    considered: int
    meeting: int
    least: list[tuple[float, float]]


@lru_cache(maxsize=256)
def _copies(architecture: Architecture, node: int, *, by_layers: bool) -> Layouts:
    """Layouts of one copy."""
    found = []
    groups = most_groups(architecture)
    for tensor in (1,) if by_layers else tensor_sizes(architecture, node):
        for stages in _STAGES:
            if stages > most_stages(architecture) or tensor * stages > _MOST:
                continue
            found.append(Parallelism(tensor=tensor, pipeline=stages))
            split = Parallelism(tensor=tensor, pipeline=stages, expert=tensor)
            if groups and tensor > 1 and not problem(architecture, split):
                found.append(split)
    return side_by_side(found, column=True)


def _points(fleet: Fleet, load: Load, targets: Targets, unquantised: bool) -> _Found:
    """The operating points of a fleet that keep the targets."""
    import numpy

    traffic, first = load.traffic, fleet.deployments[0]
    assert traffic is not None
    nodes = [one.accelerator.link_domain for one in fleet.deployments if one.accelerator is not None]
    layouts = _copies(first.architecture, max(nodes), by_layers=first.engine.BY_LAYERS)
    offered = _offered(fleet, layouts)
    prompt, output = traffic.inputs.mean, max(traffic.outputs.mean, 1.5)
    new = max(1.0, prompt * (1 - traffic.cached_share))
    before = traffic.depth + prompt - new
    reserve = first.engine.scheduler.reserve
    rooms = fleet.room_tokens(load, layouts) / (before + new + reserve * traffic.outputs.mean)
    most = numpy.array([most_running(one) for one in fleet.deployments], dtype=numpy.float64)
    rooms = numpy.minimum(numpy.floor(rooms), most)
    users = numpy.array(_grid(targets), dtype=numpy.float64)[:, None, None]
    state = fleet.steady(layouts, users=users, tokens=new, output=output, before=before)
    shape = numpy.broadcast_shapes(users.shape, rooms.shape)
    rate, tpot, ttft = (numpy.broadcast_to(one, shape) for one in (state.rate, state.tpot, state.wait))
    holds = offered & (users <= rooms)
    highs = [_high(one) for one in fleet.deployments]
    slow_first, slow_each = (numpy.array(column) for column in zip(*highs, strict=True))
    keeps = holds & (ttft <= (targets.ttft or numpy.inf)) & (tpot <= (targets.tpot or numpy.inf))
    surely = keeps & (ttft * slow_first <= (targets.ttft or numpy.inf))
    surely &= tpot * slow_each <= (targets.tpot or numpy.inf)
    least = []
    if holds.any():
        least.append((float(ttft[holds].min()), float(tpot[holds].min())))
    points: list[Point] = []
    for sure, mask in ((True, surely), (False, keeps)):
        points += _cheapest(fleet, layouts, targets, users[:, 0, 0], rate, tpot, mask, sure, unquantised)
    return _Found(points=points, considered=int(holds.sum()), meeting=int(keeps.sum()), least=least)


def _cheapest(
    fleet: Fleet,
    layouts: Layouts,
    targets: Targets,
    users: Array,
    rate: Array,
    tpot: Array,
    mask: Array,
    sure: bool,
    unquantised: bool,
) -> Iterator[Point]:
    """Of each accelerator the layout of a copy with which the load takes the least devices, and the quickest."""
    import numpy

    where = numpy.where(mask, rate, 0.0)
    if targets.users is not None:
        # as many copies as leave each so few users
        served = numpy.where(mask, users[:, None, None], 0.0).max(axis=0)
        wanted = float(targets.users)
    else:
        served, wanted = where.max(axis=0), float(targets.rate or 0.0)
    sizes = numpy.array([layout.devices_of_copy for layout in layouts.members])[:, None]
    with numpy.errstate(divide="ignore"):
        copies = numpy.ceil(wanted / served) + targets.spare
    devices = numpy.where(served > 0, copies * sizes, numpy.inf)
    devices = numpy.where(devices <= targets.most, devices, numpy.inf)
    for machine, deployment in enumerate(fleet.deployments):
        column = devices[:, machine]
        if not numpy.isfinite(column).any():
            continue
        assert deployment.accelerator is not None
        price = get_best_rate(deployment.accelerator, allow_spot=False)
        fewest = int(column.argmin())
        quick = numpy.where(numpy.isfinite(column) & (column <= 2 * column[fewest]), 1.0, numpy.inf)
        times = numpy.where(mask[:, :, machine], tpot[:, :, machine], numpy.inf).min(axis=0) * quick
        for index in dict.fromkeys((fewest, int(times.argmin()))):
            layout, count = layouts.members[index], int(copies[index, machine])
            cost = None if price is None else float(price[0]) * layout.devices_of_copy * count
            if targets.budget is not None and (cost is None or cost > targets.budget):
                continue
            yield Point(
                deployment=replace(deployment.laid_out(replace(layout, data=count)), devices=None),
                unquantised=unquantised,
                cost=cost,
                surely=sure,
                tpot=float(times[index]),
            )


def _grid(targets: Targets) -> list[int]:
    if targets.users is None:
        return list(_USERS)
    return sorted({ceil(targets.users / copies) for copies in range(1, min(targets.users, 64) + 1)})


def _high(deployment: Deployment) -> tuple[float, float]:
    """The upper ends of the ranges of a served load's TTFT and TPOT over their estimates."""
    return served_interval(deployment, "ttft", 1.0).high, served_interval(deployment, "tpot", 1.0).high


def _offered(fleet: Fleet, layouts: Layouts) -> Array:
    """Which layouts each accelerator takes: those in a node that its engine does not refuse, with links."""
    import numpy

    rows = [[_takes(one, layout) for one in fleet.deployments] for layout in layouts.members]
    return numpy.array(rows, dtype=bool)


def _takes(deployment: Deployment, layout: Parallelism) -> bool:
    assert deployment.accelerator is not None
    if layout.tensor > deployment.accelerator.link_domain or deployment.engine.refused(layout):
        return False
    try:
        require_links(machine_of(deployment), layout, bool(most_groups(deployment.architecture)))
    except CalculatorError:
        return False
    return True


def _finalists(points: Sequence[Point]) -> list[Point]:
    """A few of them by each order, one of an accelerator and a format."""
    cheap = sorted(points, key=lambda one: one.order)
    priced = [one.cost for one in cheap if one.cost is not None]
    quick = [one for one in points if one.cost is None or not priced or one.cost <= 2 * priced[0]]
    orders = {
        "surely": [one for one in cheap if one.surely],
        "by the estimate": cheap,
        "measured": [one for one in cheap if one.measured],
        "unquantised": [one for one in cheap if one.unquantised],
        "quick": sorted(quick, key=lambda one: one.tpot),
    }
    found: dict[object, Point] = {}
    for name, order in orders.items():
        kinds: set[object] = set()
        for one in order:
            kind = (one.deployment.device, one.deployment.formats.scheme.label)
            if kind in kinds or len(kinds) == _FINALISTS[name]:
                continue
            kinds.add(kind)
            found.setdefault((*kind, one.deployment.layout), one)
    return list(found.values())


def _served(point: Point, load: Load, targets: Targets) -> Planned | None:
    """The point simulated; with a copy more where the queue needs one; None where that does not do either."""
    for _ in range(_TRIES):
        found = _simulated(point, load, targets)
        if found is None or found.meets != "no":
            return found
        layout = point.deployment.layout
        more = replace(layout, data=layout.data + 1)
        if more.devices > targets.most:
            return None
        cost = None if point.cost is None else point.cost * more.devices / layout.devices
        if targets.budget is not None and (cost is None or cost > targets.budget):
            return None
        point = replace(point, deployment=point.deployment.laid_out(more), cost=cost)
    return None


# Copies more that are tried where the queue of a finalist does not keep the targets.
_TRIES = 3


def _simulated(point: Point, load: Load, targets: Targets) -> Planned | None:
    try:
        report = estimate_served(point.deployment, load)
    except CalculatorError:
        return None
    serving = report.serving
    assert serving is not None
    ttft = getattr(serving.ttft, targets.percentile)
    tpot = None if serving.tpot is None else getattr(serving.tpot, targets.percentile)
    deployment = point.deployment
    first = served_interval(deployment, "ttft", ttft)
    each = None if tpot is None else served_interval(deployment, "tpot", tpot)
    saturated = targets.rate is not None and targets.rate > serving.saturation_requests_per_s
    ends = [(first.low, ttft, first.high, targets.ttft)]
    if each is not None and tpot is not None:
        ends.append((each.low, tpot, each.high, targets.tpot))
    asked = [(low, value, high, limit * 1e3) for low, value, high, limit in ends if limit is not None]
    meets = "no"
    if not saturated:
        for word, number in (("perhaps", 0), ("likely", 1), ("surely", 2)):
            if all(entry[number] <= entry[3] for entry in asked):
                meets = word
    return Planned(
        point=point,
        report=report,
        ttft=ttft / 1e3,
        tpot=None if tpot is None else tpot / 1e3,
        ttft_interval=first,
        tpot_interval=each,
        meets=meets,
    )


_MEETS: dict[str, Literal["surely", "likely", "perhaps"]] = {
    "surely": "surely",
    "likely": "likely",
    "perhaps": "perhaps",
}
_SHOWN = 5


def chosen(found: Search) -> list[tuple[Planned, tuple[str, ...]]]:
    """The few of the plans that are worth weighing, each with why, the cheapest first."""
    planned = found.planned
    sure = [one for one in planned if one.meets == "surely"]
    priced = [one.point.cost for one in planned if one.point.cost is not None]
    own = [one for one in planned if one.point.unquantised]
    near = [one for one in planned if one.point.cost is None or one.point.cost <= 2 * priced[0]]
    whys: list[tuple[str, Sequence[Planned], Callable[[Planned], Any]]] = [
        ("cheapest that surely meets", sure, lambda one: one.point.order),
        ("cheapest that was measured", [one for one in planned if one.point.measured], lambda one: one.point.order),
        ("weights as the checkpoint has them", own, lambda one: one.point.order),
        ("quickest within twice the cheapest", near, lambda one: one.tpot or one.ttft),
        ("fewest devices", planned, lambda one: (one.point.devices, one.point.order)),
        ("cheapest by the estimate", planned, lambda one: one.point.order),
    ]
    found_by: dict[int, list[str]] = {}
    for why, those, key in whys:
        if those:
            best = min(those, key=key)
            index = planned.index(best)
            if index in found_by or len(found_by) < _SHOWN:
                found_by.setdefault(index, []).append(why)
    return [(planned[index], tuple(found_by[index])) for index in sorted(found_by)]


def plan_of(one: Planned, why: tuple[str, ...], load: Load, targets: Targets) -> Plan:
    """A plan as it is told."""
    deployment, report = one.point.deployment, one.report
    assert report.serving is not None
    cost, rate = one.point.cost, report.output_tokens_per_s
    spare = []
    if targets.ttft is not None:
        spare.append((targets.ttft / one.ttft, "ttft"))
    if targets.tpot is not None and one.tpot is not None:
        spare.append((targets.tpot / one.tpot, "tpot"))
    binds: Any = min(spare)[1] if spare else "none"
    held = replace(load, sequences=deployment.layout.data)
    scheme, cache = deployment.formats.scheme, deployment.formats.kv_cache
    return Plan(
        **deployment.layout.said(),
        why=why,
        meets=_MEETS[one.meets],
        hardware=deployment.device,
        engine=deployment.engine.said,
        precision=scheme.label,
        kv_precision=cache.name,
        usd_per_hour=cost,
        usd_per_million_output_tokens=None if cost is None else cost / 3600 / rate * 1e6,
        ttft_ms=one.ttft * 1e3,
        ttft_range_ms=(one.ttft_interval.low, one.ttft_interval.high),
        tpot_ms=None if one.tpot is None else one.tpot * 1e3,
        tpot_range_ms=None if one.tpot_interval is None else (one.tpot_interval.low, one.tpot_interval.high),
        requests_per_s=report.requests_per_s,
        output_tokens_per_s=rate,
        decoding=report.serving.decoding,
        room=report.serving.room,
        saturation_requests_per_s=report.serving.saturation_requests_per_s,
        memory_share=verdict_of(deployment, held).used_share,
        binds=binds,
        evidence=machine_of(deployment).evidence,
        launch=launch_of(deployment, load),
    )


def plan_report(
    model: str, found: Search, offered: Sequence[Deployment], load: Load, targets: Targets, notes: tuple[Note, ...]
) -> PlanReport:
    traffic = load.traffic
    assert traffic is not None
    plans = tuple(plan_of(one, why, load, targets) for one, why in chosen(found))
    left: tuple[Note, ...] = ()
    if found.left_out:
        text = f"{len(found.left_out)} accelerator(s) could not be searched: {found.left_out[0]}"
        left = (Note(subject="hardware", text=text, origin="warning"),)
    nearest = found.nearest or (None, None)
    return PlanReport(
        model=model,
        request_rate=targets.rate,
        concurrency=targets.users,
        input_tokens=traffic.inputs.mean,
        output_tokens=traffic.outputs.mean,
        ttft_target_ms=None if targets.ttft is None else targets.ttft * 1e3,
        tpot_target_ms=None if targets.tpot is None else targets.tpot * 1e3,
        percentile=targets.percentile.removesuffix("_ms"),
        accelerators=len({one.device for one in offered}),
        formats=tuple(dict.fromkeys(one.formats.scheme.label for one in offered)),
        considered=found.considered,
        meeting=found.meeting,
        plans=plans,
        equal=tuple(_equal(plans)),
        least_ttft_ms=None if nearest[0] is None else nearest[0] * 1e3,
        least_tpot_ms=None if nearest[1] is None else nearest[1] * 1e3,
        notes=(*left, *notes),
    )


def _equal(plans: Sequence[Plan]) -> Iterator[tuple[int, int]]:
    for first, one in enumerate(plans, 1):
        for second, other in enumerate(plans[first:], first + 1):
            ours, theirs = one.tpot_range_ms, other.tpot_range_ms
            if ours is not None and theirs is not None and ours[0] <= theirs[1] and theirs[0] <= ours[1]:
                yield first, second
