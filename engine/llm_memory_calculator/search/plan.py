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
from typing import TYPE_CHECKING, Any, Literal

from llm_memory_hardware import get_best_rate

from ..errors import CalculatorError
from ..memory import verdict_of
from ..memory.reports import launch_of
from ..parallel import Layouts, Parallelism, most_groups, most_stages, problem, side_by_side, tensor_sizes
from ..performance.machine import machine_of
from ..performance.reports import estimate_served, served_interval
from ..performance.serving import kept_tokens, mean_request, most_running
from ..report import Meets, Note, Plan, PlanReport
from ..stacks import UnlikeError
from ..work import each, looked
from .cells import require_links, usd_per_million
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
# Shares of the targets that the mean may take where a percentile is asked for.
_OF_PERCENTILE = (0.5, 0.75)
# Operating points that are simulated, of each order by which some are taken.
_FINALISTS = {"strictly": 8, "surely": 8, "by the estimate": 5, "measured": 5, "unquantised": 5, "quick": 4}


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
    price: float | None
    """US dollars an hour of a device."""
    surely: bool
    """Whether the upper end of its range keeps the targets too, by the steady state."""
    strictly: bool
    """Whether as much is left as a percentile takes."""
    tpot: float

    @property
    def devices(self) -> int:
        return self.deployment.layout.devices

    @property
    def cost(self) -> float | None:
        """US dollars an hour of all."""
        return None if self.price is None else round(self.price * self.devices, 4)

    @property
    def evidence(self) -> str:
        """What stands behind its times."""
        machine = machine_of(self.deployment)
        return machine.evidence if machine.engine.timed else "none"

    @property
    def measured(self) -> bool:
        return self.evidence == "measured"

    def of_copies(self, count: int) -> Point:
        layout = replace(self.deployment.layout, data=count)
        return replace(self, deployment=self.deployment.laid_out(layout))

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
    meets: Meets | Literal["no"]
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


def search(
    offered: Sequence[tuple[Deployment, bool]], load: Load, targets: Targets, refused: Mapping[str, str]
) -> Search:
    """Plans for the deployments that are offered, each with whether its weights are as the checkpoint has them.

    refused: accelerators on which there is none, with the reason.
    """
    points, considered, meeting, least = list[Point](), 0, 0, list[tuple[float, float]]()
    left_out = [f"{name}: {reason}" for name, reason in refused.items()]
    unquantised = {id(one.formats): own for one, own in offered}
    fleets, alone = together([one for one, _ in offered])
    for one in alone:
        try:
            fleets.append(alone_of(one))
        except CalculatorError as error:
            left_out.append(f"{one.device}: {error}")
    # those that turn out to differ are asked one by one at the end of the list
    for fleet in looked(fleets):
        try:
            found = _points(fleet, load, targets, unquantised[id(fleet.deployments[0].formats)])
        except UnlikeError:
            fleets += map(alone_of, fleet.deployments)
            continue
        considered, meeting = considered + found.considered, meeting + found.meeting
        points += found.points
        least += found.least
    planned = list[Planned]()
    for some in _finalists(points):
        planned += [one for point in each(some) for one in _settled(point, load, targets)]
        if any(one.meets == "surely" for one in planned):
            break
    nearest = None
    if not planned and least:
        nearest = min(one[0] for one in least), min(one[1] for one in least)
    return Search(
        considered=considered,
        meeting=meeting,
        planned=tuple(sorted(planned, key=lambda one: one.point.order)),
        left_out=tuple(dict.fromkeys(left_out)),
        nearest=nearest,
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
    rooms = fleet.room_tokens(load, layouts) / kept_tokens(traffic, first.engine.scheduler)
    most = numpy.array([most_running(one) for one in fleet.deployments], dtype=numpy.float64)
    rooms = numpy.minimum(numpy.floor(rooms), most)
    users = numpy.array(_grid(targets), dtype=numpy.float64)[:, None, None]
    state = fleet.steady(layouts, users=users, **mean_request(traffic))
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
    masks = [(True, False, surely), (False, False, keeps)]
    if targets.percentile != "mean_ms":
        # a percentile lies above the mean of a steady state, most of all to the first token
        strict = surely & (ttft * slow_first <= _OF_PERCENTILE[0] * (targets.ttft or numpy.inf))
        masks.append((True, True, strict & (tpot * slow_each <= _OF_PERCENTILE[1] * (targets.tpot or numpy.inf))))
    for sure, strictly, mask in masks:
        points += _cheapest(fleet, layouts, targets, users[:, 0, 0], rate, tpot, mask, sure, strictly, unquantised)
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
    strictly: bool,
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
        copies = numpy.ceil(wanted / served)
    # the simulation may do with fewer copies than the steady state
    devices = numpy.where(served > 0, copies * sizes, numpy.inf)
    devices = numpy.where(devices <= _SLACK * targets.most, devices, numpy.inf)
    for machine, deployment in enumerate(fleet.deployments):
        column = devices[:, machine]
        if not numpy.isfinite(column).any():
            continue
        assert deployment.accelerator is not None
        price = get_best_rate(deployment.accelerator, allow_spot=False)
        if targets.budget is not None and price is None:
            continue
        near = numpy.isfinite(column) & (column <= 2 * column.min())
        times = numpy.where(mask[:, :, machine], tpot[:, :, machine], numpy.inf).min(axis=0)
        fewest = numpy.lexsort((times, column))[:_LAYOUTS].tolist()
        for index in dict.fromkeys((*fewest, int(numpy.where(near, times, numpy.inf).argmin()))):
            if not numpy.isfinite(column[index]):
                continue
            layout, count = layouts.members[index], int(copies[index, machine])
            yield Point(
                deployment=replace(deployment.laid_out(replace(layout, data=count)), devices=None),
                unquantised=unquantised,
                price=None if price is None else float(price[0]),
                surely=sure,
                strictly=strictly,
                tpot=float(times[index]),
            )


# Copies beyond what is allowed by which a steady state may be too strict; layouts of an accelerator that are tried.
_SLACK, _LAYOUTS = 2, 3


def _grid(targets: Targets) -> list[int]:
    if targets.users is None:
        return list(_USERS)
    most = min(targets.users, max(targets.most, 64))
    copies = {*range(1, min(most, 64) + 1), *(int(64 * 1.15**step) for step in range(80))}
    return sorted({ceil(targets.users / count) for count in copies if count <= most})


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


def _finalists(points: Sequence[Point]) -> Iterator[list[Point]]:
    """A few of them by each order, one of an accelerator, a format and a layout of a copy; then the quickest of the
    others, for where none of the first keeps the targets with its queue."""
    cheap = sorted(points, key=lambda one: one.order)
    priced = [one.cost for one in cheap if one.cost is not None]
    quick = [one for one in points if one.cost is None or not priced or one.cost <= 2 * priced[0]]
    orders = {
        "strictly": [one for one in cheap if one.strictly],
        "surely": [one for one in cheap if one.surely],
        "by the estimate": cheap,
        "measured": [one for one in cheap if one.measured],
        "unquantised": [one for one in cheap if one.unquantised],
        "quick": sorted(quick, key=lambda one: one.tpot),
    }
    found: dict[object, Point] = {}
    for name, order in orders.items():
        kinds: dict[tuple[str, str], int] = {}
        for one in order:
            device, label, _ = kind = _kind(one)
            of_these = kinds.get((device, label), 0)
            if of_these == _LAYOUTS or (not of_these and len(kinds) == _FINALISTS[name]):
                continue
            kinds[device, label] = of_these + 1
            found.setdefault(kind, one)
    yield list(found.values())
    others = [one for one in sorted(points, key=lambda one: one.tpot) if _kind(one) not in found]
    for begin in range(0, min(len(others), _MORE), _MORE // 2):
        yield others[begin : begin + _MORE // 2]


# Points that are simulated beside the first where none of these keeps the targets.
_MORE = 24


def _kind(point: Point) -> tuple[str, str, Parallelism]:
    """The accelerator, the format and the layout of a copy."""
    deployment = point.deployment
    return deployment.device, deployment.formats.scheme.label, replace(deployment.layout, data=1)


_RANKS = {"no": 0, "perhaps": 0, "likely": 1, "surely": 2}


def _settled(point: Point, load: Load, targets: Targets) -> Iterator[Planned]:
    """The point with the fewest copies that surely keep the targets as simulated, and with the fewest that likely do;
    copies to spare come on top."""
    size, spare = point.deployment.layout.devices_of_copy, targets.spare
    limit = targets.most // size
    if targets.budget is not None and point.price is not None:
        limit = min(limit, int(targets.budget / (point.price * size)))
    if targets.users is not None:
        limit = min(limit, targets.users + spare)
    limit -= spare
    if limit < 1:
        return
    seen: dict[int, Planned | None] = {}

    def rank(count: int) -> int:
        if count not in seen:
            seen[count] = _simulated(point.of_copies(count), load, targets)
        one = seen[count]
        return -1 if one is None else _RANKS[one.meets]

    begin = min(point.deployment.layout.data, limit)
    told = set[int]()
    for wanted in (2, 1):
        count = _fewest(lambda copies, wanted=wanted: rank(copies) >= wanted, begin, limit)  # type: ignore[misc]
        if count is not None:
            told.add(count)
    if not told and (one := seen.get(begin)) is not None and one.meets == "perhaps":
        told.add(begin)
    for count in sorted(told):
        one = seen[count]
        more = _simulated(point.of_copies(count + spare), load, targets) if spare else one
        if one is not None and more is not None:
            yield replace(more, meets=one.meets)


def _fewest(holds: Callable[[int], bool], begin: int, most: int) -> int | None:
    """The least number up to `most` that holds, which larger ones do too; looked for from `begin` on."""
    low, high, step = 0, begin, 1
    if not holds(begin):
        low = begin
        while True:
            high = min(most, low + step)
            if high == low:
                return None
            if holds(high):
                break
            low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


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
    meets: Meets | Literal["no"] = "no"
    if not saturated:
        for number, word in enumerate(_WORDS):
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


# The words by the end of a range that keeps the targets: the lower, the estimate, the upper.
_WORDS: tuple[Meets, ...] = ("perhaps", "likely", "surely")
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
        ("cheapest by the estimate", [one for one in planned if one.meets != "perhaps"], lambda one: one.point.order),
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
    assert one.meets != "no"
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
        meets=one.meets,
        hardware=deployment.device,
        engine=deployment.engine.said,
        precision=scheme.label,
        kv_precision=cache.name,
        usd_per_hour=cost,
        usd_per_million_output_tokens=None if cost is None else usd_per_million(cost, rate),
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
        evidence=one.point.evidence,
        warnings=tuple(
            note.text
            for note in report.notes
            if note.origin == "warning" and note.subject not in ("request_rate", "concurrency")
        ),
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
    unpriced = sorted(
        {one.device for one in offered if one.accelerator and get_best_rate(one.accelerator, allow_spot=False) is None}
    )
    if unpriced:
        text = f"No on-demand price is known of {', '.join(unpriced[:5])}, ranked after what has one"
        text += ", and left out under a budget." if targets.budget is not None else "."
        left = (*left, Note(subject="usd_per_hour", text=text, origin="warning"))
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
        max_devices=targets.most,
        budget_usd_per_hour=targets.budget,
        spare_copies=targets.spare,
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
