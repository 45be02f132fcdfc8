"""Accelerators side by side for one load, each in its best layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DoesNotFitError, LayoutError
from ..memory import short_note
from ..performance.machine import machine_of
from ..report import ComparisonReport, HardwareRow, Note
from ..stacks import UnlikeError
from ..work import each
from .cells import score
from .fleet import best_of_each, fewest_of_each, together
from .layouts import best_layouts, fewest_in_node, one_token_notes, place

if TYPE_CHECKING:
    from ..deployment import Deployment, Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One accelerator, with its best layout or why it has none."""

    deployment: Deployment
    """On it, in no layout yet; `devices` are those that its layouts were looked for on."""
    index: int
    """Its place among those that were given."""
    devices: int | None
    """Those that were given; None: as few as hold the load."""
    load: Load
    goal: str
    best: Deployment | None = None
    """In its best layout."""
    fits: bool = True
    score: tuple[float, float] = (math.inf, math.inf)
    """What accelerators are ranked by, smaller is better."""

    def row(self, *, explained: bool = False, advised: bool = True) -> HardwareRow:
        """advised: where it has no layout, the reason says what would do, which is looked for only then."""
        accelerator = self.deployment.device
        if self.best is None:
            return HardwareRow(hardware=accelerator, fits=False, reason=self._reason(advise=advised))
        placed = place(self.best, self.load)
        return HardwareRow(
            hardware=accelerator,
            fits=bool(placed.verdict.fits),
            reason=None if placed.verdict.fits else short_note(placed.verdict).text,
            layout=placed.row,
            tpot_interval_ms=placed.tpot_interval_ms,
            evidence=machine_of(self.deployment).evidence,
            ledger=placed.explanation if explained else None,
        )

    def _reason(self, *, advise: bool) -> str:
        """Why it has no layout, and where `advise` says so what would do, which takes longest to find."""
        try:
            best_layouts(self.deployment, self.load, goal=self.goal, advise=advise)
        except (DoesNotFitError, LayoutError) as error:
            return str(error)
        raise AssertionError(f"{self.deployment} was found to have no layout")


def try_accelerators(deployments: Sequence[Deployment], load: Load, goal: str) -> list[Tried]:
    """The best layout of each accelerator's devices, best first; of the fewest in a node that hold the load where none
    are given. Where any takes as many devices as it needs, they are ranked by what each device does.
    """
    by_device = any(one.devices is None for one in deployments)
    # the same accelerator may stand there twice, with more devices
    where = {id(one): index for index, one in enumerate(deployments)}
    fleets, alone = together([one for one in deployments if one.devices is None])
    sized = [(one, one) for one in deployments if one.devices is not None]
    sized += [(one, _offered(one, load)) for one in alone]
    for fleet in fleets:
        try:
            fewest = fewest_of_each(fleet, load)
        except UnlikeError:
            sized += [(one, _offered(one, load)) for one in fleet.deployments]
            continue
        sized += [(one, replace(one, devices=devices)) for one, devices in zip(fleet.deployments, fewest, strict=True)]
    by_count: dict[int | None, list[Tried]] = {}
    for given, one in sized:
        tried = Tried(deployment=one, index=where[id(given)], devices=given.devices, load=load, goal=goal)
        by_count.setdefault(one.devices, []).append(tried)
    found = [one for same in each(list(by_count.values())) for one in _tried(same, by_device=by_device)]
    return sorted(found, key=lambda one: (one.best is None, not one.fits, one.score, one.index))


def _tried(these: Sequence[Tried], *, by_device: bool) -> Iterator[Tried]:
    """Accelerators with as many devices of each, in their best layouts."""
    load, goal = these[0].load, these[0].goal
    whose = {id(one.deployment): one for one in these}
    fleets, alone = together([one.deployment for one in these])
    for fleet in fleets:
        try:
            best = best_of_each(fleet, load, goal, by_device=by_device)
        except UnlikeError:
            alone += fleet.deployments
            continue
        for deployment, cell in zip(fleet.deployments, best, strict=True):
            one = whose[id(deployment)]
            if cell is None:
                yield one
            else:
                yield replace(one, best=deployment.laid_out(cell.layout), score=cell.score, fits=cell.fits)
    for deployment in alone:
        yield _try_alone(whose[id(deployment)], by_device=by_device)


def _try_alone(one: Tried, *, by_device: bool) -> Tried:
    try:
        best = best_layouts(one.deployment, one.load, goal=one.goal, advise=False).best
    except (DoesNotFitError, LayoutError):
        return one
    fits = bool(best.verdict.fits)
    return replace(one, best=best.deployment, fits=fits, score=score(best.row, one.goal, by_device))


def _offered(deployment: Deployment, load: Load) -> Deployment:
    fewest = fewest_in_node(deployment, load)
    assert deployment.accelerator is not None
    devices = deployment.accelerator.link_domain if fewest is None else fewest.layout.tensor
    return replace(deployment, devices=devices)


def comparison_report(
    tried: Sequence[Tried], keep: int, notes: tuple[Note, ...], *, explained: bool = False
) -> ComparisonReport:
    """The first `keep` of the accelerators tried and ranked."""
    counts = {one.devices for one in tried}
    deployment, load = tried[0].deployment, tried[0].load
    return ComparisonReport(
        **deployment.said(),
        devices=tried[0].devices if len(counts) == 1 else None,
        goal=tried[0].goal,
        batch_size=load.sequences,
        input_tokens=load.tokens,
        output_tokens=load.output,
        rows=tuple(one.row(explained=explained) for one in tried[:keep]),
        compared=len(tried),
        notes=(*notes, *one_token_notes(load)),
    )
