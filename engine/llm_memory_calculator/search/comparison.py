"""Accelerators side by side for one load, each in its best layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DoesNotFitError, LayoutError
from ..memory import short_note
from ..performance.machine import machine_of
from ..report import ComparisonReport, HardwareRow, Note
from ..stacks import UnlikeError
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
    load: Load
    goal: str
    best: Deployment | None = None
    """In its best layout."""
    fits: bool = True
    score: tuple[float, float] = (math.inf, math.inf)
    """What accelerators are ranked by, smaller is better."""

    def row(self, *, explained: bool) -> HardwareRow:
        accelerator = self.deployment.device
        if self.best is None:
            return HardwareRow(hardware=accelerator, fits=False, reason=self._reason())
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

    def _reason(self) -> str:
        """Why it has no layout, and what would do: looked for only where it is shown, since that takes longest."""
        try:
            best_layouts(self.deployment, self.load, goal=self.goal)
        except (DoesNotFitError, LayoutError) as error:
            return str(error)
        raise AssertionError(f"{self.deployment} was found to have no layout")


def try_accelerators(deployments: Sequence[Deployment], load: Load, goal: str) -> list[Tried]:
    """The best layout of each accelerator's devices, best first; of the fewest in a node that hold the load where none
    are given. Where any takes as many devices as it needs, they are ranked by what each device does.
    """
    by_device = any(one.devices is None for one in deployments)
    fleets, alone = together([one for one in deployments if one.devices is None], load)
    sized = [
        replace(one, devices=devices)
        for fleet in fleets
        for one, devices in zip(fleet.deployments, fewest_of_each(fleet, load), strict=True)
    ]
    sized += [_offered(one, load) for one in alone]
    sized += [one for one in deployments if one.devices is not None]
    by_count: dict[int | None, list[Deployment]] = {}
    for one in sized:
        by_count.setdefault(one.devices, []).append(one)
    found = []
    for members in by_count.values():
        fleets, alone = together(members, load)
        for fleet in fleets:
            try:
                best = best_of_each(fleet, load, goal, by_device=by_device)
            except UnlikeError:
                alone += fleet.deployments
                continue
            for one, cell in zip(fleet.deployments, best, strict=True):
                tried = Tried(deployment=one, load=load, goal=goal)
                if cell is not None:
                    there = one.laid_out(cell.layout)
                    tried = replace(tried, best=there, score=cell.score, fits=cell.fits)
                found.append(tried)
        found += [_try_alone(one, load, goal, by_device=by_device) for one in alone]
    where = {one.accelerator: index for index, one in enumerate(deployments)}
    found.sort(key=lambda one: where[one.deployment.accelerator])
    return sorted(found, key=lambda one: (one.best is None, not one.fits, one.score))


def _try_alone(deployment: Deployment, load: Load, goal: str, *, by_device: bool) -> Tried:
    try:
        best = best_layouts(deployment, load, goal=goal, advise=False).best
    except (DoesNotFitError, LayoutError):
        return Tried(deployment=deployment, load=load, goal=goal)
    return Tried(
        deployment=deployment,
        load=load,
        goal=goal,
        best=best.deployment,
        fits=bool(best.verdict.fits),
        score=score(best.row, goal, by_device),
    )


def _offered(deployment: Deployment, load: Load) -> Deployment:
    fewest = fewest_in_node(deployment, load)
    assert deployment.accelerator is not None
    devices = deployment.accelerator.link_domain if fewest is None else fewest.layout.tensor
    return replace(deployment, devices=devices)


def comparison_report(
    tried: Sequence[Tried], keep: int, notes: tuple[Note, ...], *, explained: bool = False
) -> ComparisonReport:
    """The first `keep` of the accelerators tried and ranked."""
    counts = {one.deployment.devices for one in tried}
    deployment, load = tried[0].deployment, tried[0].load
    return ComparisonReport(
        **deployment.said(),
        devices=tried[0].deployment.devices if len(counts) == 1 else None,
        goal=tried[0].goal,
        batch_size=load.sequences,
        input_tokens=load.tokens,
        output_tokens=load.output,
        rows=tuple(one.row(explained=explained) for one in tried[:keep]),
        compared=len(tried),
        notes=(*notes, *one_token_notes(load)),
    )
