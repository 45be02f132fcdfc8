"""Which layouts a number of devices can take, which of them hold the model, and which is best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ..errors import DoesNotFitError
from ..memory import Verdict, ledger, short_note, verdict_of
from ..memory.explanation import explanation
from ..memory.inverse import fewest_devices
from ..memory.reports import length_notes
from ..parallel import Parallelism, most_stages, tensor_sizes
from ..performance.machine import Range
from ..performance.phases import decode_time, prefill_time
from ..performance.reports import Times, in_all, interval, rates, reach, times_explained
from ..report import Interval, LayoutReport, LayoutRow, Line, Note
from ..units import GB, are_plain
from .cells import Offer, eligible, held, offer_of, order, row_of, times
from .overlaps import overlapping

if TYPE_CHECKING:
    from ..deployment import Deployment, Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A layout that holds a load, with its times."""

    deployment: Deployment
    load: Load
    verdict: Verdict
    times: Times

    @property
    def row(self) -> LayoutRow:
        assert self.times.decode is not None
        ttft, tpot = self.times.prefill.total, self.times.decode.total
        return row_of(self.deployment.layout, self.load, ttft, tpot, self.verdict.used_share)

    @property
    def explanation(self) -> Line:
        """The tree of what the fullest device holds."""
        return explanation(self.deployment, self.load, ledger(self.deployment, self.load))

    @property
    def ttft_interval_ms(self) -> Interval:
        each = self.load.sequences / self.deployment.layout.data
        return interval(self.deployment, "prefill", self.times.prefill, each)

    @property
    def tpot_interval_ms(self) -> Interval:
        assert self.times.decode is not None
        each = self.load.sequences * self.load.beams / self.deployment.layout.data
        return interval(self.deployment, "decode", self.times.decode, each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The layouts that hold a load, best first."""

    best: Placed
    columns: LayoutRow
    """All that were considered, as arrays."""
    order: Sequence[int]
    """Those that hold it."""
    fitting: int
    considered: int
    notes: tuple[Note, ...] = ()

    def rows(self, most: int | None = None) -> list[LayoutRow]:
        """The first of them."""
        return [_at(self.columns, index) for index in self.order[:most]]


def _at(columns: LayoutRow, index: int) -> LayoutRow:
    def number(name: str) -> Any:
        value = getattr(columns, name)
        plain = value if are_plain(value) else value[index].item()
        return int(plain) if name in _WHOLE else plain

    # what has a default is told of single rows alone
    return LayoutRow(**{item.name: number(item.name) for item in fields(columns) if item.default is MISSING})


_WHOLE = frozenset(item.name for item in fields(LayoutRow) if item.type == "int")


def best_layouts(deployment: Deployment, load: Load, *, goal: str, advise: bool = True) -> Found:
    """The layouts of up to `deployment.devices` devices that hold the load, in the order of `goal`.

    Where none does by the estimate, those whose weights, cache and state are no more than a device shows: a time is not
    refused for an estimate. Raises DoesNotFitError, with what the best split would need, when no layout can hold the
    model, and with how many devices would do where `advise` says so: looking for them takes longer than all the rest;
    LayoutError where none that holds it can be timed.
    """
    found = best_or_nearest(deployment, load, goal=goal)
    if isinstance(found, Found):
        return found
    raise _too_large(found, load, advise=advise)


def best_or_nearest(deployment: Deployment, load: Load, *, goal: str, by_device: bool = False) -> Found | Deployment:
    """The same; where no layout can hold the model, the deployment in the one that is nearest to. by_device: ordered by
    what each device does."""
    offer = offer_of(deployment, load.sequences)
    if offer.layouts is None:
        raise offer.untimed[0][1]
    there = held(deployment, load, offer.layouts)
    wanted = eligible(there)
    members, considered = offer.members, len(offer.members) + len(offer.untimed)
    if not wanted.any():
        return deployment.laid_out(members[int(there.margins.argmax())])
    ttft, tpot = times(deployment, load, offer.layouts)
    rows = row_of(offer.layouts, load, ttft, tpot, there.shares)
    ordered = order(goal, rows, rows.devices if by_device else 1).tolist()
    chosen = [index for index in ordered if wanted[index]]
    best = deployment.laid_out(members[chosen[0]])
    return Found(
        best=place(best, load),
        columns=rows,
        order=chosen,
        fitting=int((there.margins >= 0).sum()),
        considered=considered,
        notes=_untimed_notes(offer),
    )


def best_or_more(deployment: Deployment, load: Load, *, goal: str) -> Found:
    """The same, of as many devices as do where those that were asked for hold no layout, which a warning says.

    Raises DoesNotFitError where no number of them does; LayoutError likewise.
    """
    near = best_or_nearest(deployment, load, goal=goal)
    if isinstance(near, Found):
        return near
    enough = _enough(deployment, load)
    if enough is None:
        raise DoesNotFitError(f"{_too_large(near, load, advise=False)} {_USE_LESS}")
    found = best_layouts(replace(deployment, devices=enough.devices), load, goal=goal)
    missing = -verdict_of(near, load).margin_bytes
    text = (
        f"It fits on no layout of {near.devices} x {near.device}: {missing / GB:.1f} GB a device are missing in the "
        f"nearest ({near.layout}). Answered for {enough.devices} devices, the fewest that hold it."
    )
    return replace(found, notes=(Note(subject="devices", text=text, origin="warning"), *found.notes))


def _untimed_notes(offer: Offer) -> tuple[Note, ...]:
    """That some layouts could not be timed, and why."""
    if not offer.untimed:
        return ()
    _, error = offer.untimed[0]
    text = f"{len(offer.untimed)} layout(s) could not be timed and were left out: {error}"
    return (Note(subject="layouts", text=text, origin="warning"),)


def _too_large(nearest: Deployment, load: Load, *, advise: bool) -> DoesNotFitError:
    verdict = verdict_of(nearest, load)
    return DoesNotFitError(
        f"{nearest.model.name} ({nearest.formats.scheme.label}), batch {load.sequences:,} x "
        f"{load.tokens + load.output:,} tokens, fits on no layout of {nearest.devices} x {nearest.device}: the nearest "
        f"({nearest.layout}) needs {verdict.need.total / GB:.1f} GB of {verdict.budget_bytes / GB:.1f} GB a device, "
        f"and is short of {-verdict.margin_bytes / GB:.1f} GB for {verdict.binding.name}."
        + (f" {_remedy(nearest, load)}" if advise else "")
    )


def place(deployment: Deployment, load: Load) -> Placed:
    """A chosen layout, answered as any other question."""
    times = Times(prefill=prefill_time(deployment, load), decode=decode_time(deployment, load))
    return Placed(deployment=deployment, load=load, verdict=verdict_of(deployment, load), times=times)


def _ranged(row: LayoutRow, deployment: Deployment, load: Load) -> LayoutRow:
    """The row with the ranges of its times, which may reach below what the peak and the bandwidth allow."""
    laid_out = deployment.laid_out(
        Parallelism(
            tensor=row.tensor_parallel,
            pipeline=row.pipeline_parallel,
            data=row.data_parallel,
            expert=row.expert_parallel,
        )
    )
    each = load.sequences / row.data_parallel
    first = reach(laid_out, "prefill", row.ttft_ms / 1e3, each)
    then = reach(laid_out, "decode", row.tpot_ms / 1e3, each * load.beams)
    ttft, tpot = _ends(row.ttft_ms, first), _ends(row.tpot_ms, then)
    whole = in_all(ttft, tpot, load.output - 1)
    rate = rates(load.sequences * load.output, whole)
    return replace(
        row,
        ttft_interval_ms=ttft,
        tpot_interval_ms=tpot,
        output_tokens_per_s_interval=rate,
        borderline=verdict_of(laid_out, load).word == "borderline",
    )


def _ends(value: float, found: Range) -> Interval:
    return Interval(low=value * found.low, high=value * found.high, level=found.level, evidence=found.evidence)


def _beside_each_other(rows: Sequence[LayoutRow], goal: str) -> list[LayoutRow]:
    """The rows, each with those whose ranges of what the goal ranks by overlap its own."""
    ranked = [_RANKED_BY[goal](row) for row in rows]
    overlaps = overlapping([None if one is None else (one.low, one.high) for one in ranked])
    return [replace(row, equal=others) for row, others in zip(rows, overlaps, strict=True)]


_RANKED_BY: dict[str, Callable[[LayoutRow], Interval | None]] = {
    "throughput": lambda row: row.output_tokens_per_s_interval,
    "latency": lambda row: row.tpot_interval_ms,
    "decode": lambda row: row.tpot_interval_ms,
    "prefill": lambda row: row.ttft_interval_ms,
}


def layout_report(found: Found, goal: str, keep: int = 3, *, explained: bool = False) -> LayoutReport:
    """The best layout of a search, and the next best."""
    deployment, load = found.best.deployment, found.best.load
    ranged = [_ranged(row, deployment, load) for row in (found.best.row, *found.rows(keep)[1:])]
    best, *others = _beside_each_other(ranged, goal)
    return LayoutReport(
        **deployment.said(),
        hardware=deployment.device,
        devices=deployment.devices or deployment.layout.devices,
        goal=goal,
        batch_size=load.sequences,
        input_tokens=load.tokens,
        output_tokens=load.output,
        best=best,
        tpot_interval_ms=found.best.tpot_interval_ms,
        others=tuple(others),
        considered=found.considered,
        fitting=found.fitting,
        ledger=found.best.explanation if explained else None,
        breakdown=times_explained(deployment, load, found.best.times) if explained else (),
        notes=(
            *(() if found.best.verdict.fits else (short_note(found.best.verdict),)),
            *found.notes,
            *deployment.notes,
            *load.notes,
            *one_token_notes(load),
            *length_notes(deployment, load.tokens + load.output, "output_tokens"),
        ),
    )


def one_token_notes(load: Load) -> tuple[Note, ...]:
    """What the time per output token is of where none follows the first."""
    if load.output > 1:
        return ()
    text = "One output token has none after it: the time per output token is that of the step that would follow."
    return (Note(subject="output_tokens", text=text, origin="assumption"),)


_USE_LESS = "Use a larger accelerator, a smaller precision, a smaller batch or shorter sequences."


def _enough(deployment: Deployment, load: Load) -> Parallelism | None:
    """The layout of the fewest devices that hold the load, where eight times as many do."""
    assert deployment.accelerator is not None
    most = max(64, 8 * (deployment.devices or 1))
    enough = fewest_devices(deployment, load, most=most, node=deployment.accelerator.link_domain)
    return None if enough is None else enough.layout


def _remedy(deployment: Deployment, load: Load) -> str:
    enough = _enough(deployment, load)
    if enough is None:
        return _USE_LESS
    return (
        f"{enough.devices} devices would do as {enough}; or use a smaller precision, a smaller batch or shorter "
        "sequences."
    )


def fewest_in_node(deployment: Deployment, load: Load) -> Deployment | None:
    """The deployment on the smallest group of one node that holds the load; None when none does."""
    return next(of_a_node(deployment, load), None)


def of_a_node(deployment: Deployment, load: Load) -> Iterator[Deployment]:
    """The deployment on each group of one node that holds the load, the smallest first: tensor-parallel ones, or stages
    of a pipeline where an engine deals whole layers.
    """
    assert deployment.accelerator is not None
    architecture, node = deployment.architecture, deployment.accelerator.link_domain
    if deployment.engine.BY_LAYERS:
        groups = [Parallelism(pipeline=stages) for stages in range(1, min(node, most_stages(architecture)) + 1)]
    else:
        groups = [Parallelism(tensor=tensor) for tensor in tensor_sizes(architecture, node)]
    for layout in groups:
        candidate = deployment.laid_out(layout)
        if not deployment.engine.refused(layout) and verdict_of(candidate, load).fits:
            yield candidate


def dealt(deployment: Deployment, load: Load) -> Deployment | None:
    """The deployment as an engine that deals whole layers does it by itself on the devices that there are: over all of
    them, or over the fewest that hold it; None for any other engine, and where these do not hold it.
    """
    engine, offered = deployment.engine, deployment.devices or 1
    if offered == 1 or not engine.BY_LAYERS or deployment.architecture.task != "decoder":
        return None
    most = min(offered, most_stages(deployment.architecture))
    for stages in range(1 if engine.PACKS else most, most + 1):
        layout = Parallelism(pipeline=stages)
        candidate = deployment.laid_out(layout)
        if not engine.refused(layout) and verdict_of(candidate, load).fits:
            over = "the fewest that hold it" if engine.PACKS else "all that it sees"
            text = f"No layout was given: {engine.TITLE} deals layers over {over}, {stages} of {offered} devices"
            if stages == offered:
                note = Note(subject="pipeline_parallel", text=f"{text}.", origin="default")
            else:
                note = Note(subject="devices", text=f"{text}; the others stay idle.", origin="assumption")
            return replace(candidate, notes=(note, *candidate.notes))
    return None
