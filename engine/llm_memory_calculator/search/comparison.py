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
from .cells import score
from .layouts import Placed, best_layouts, fewest_in_node, one_token_notes

if TYPE_CHECKING:
    from ..deployment import Deployment, Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One accelerator, with its best layout or why it has none."""

    deployment: Deployment
    """On it, in no layout yet."""
    load: Load
    goal: str
    best: Placed | None = None

    def order(self, by_device: bool) -> tuple[bool, tuple[float, float]]:
        """What the accelerators are ranked by, smaller is better: tokens a second of all devices, or of each."""
        if self.best is None:
            return True, (math.inf, math.inf)
        return not self.best.verdict.fits, score(self.best.row, self.goal, by_device)

    def row(self, *, explained: bool) -> HardwareRow:
        accelerator = self.deployment.device
        if self.best is None:
            return HardwareRow(hardware=accelerator, fits=False, reason=self._reason())
        return HardwareRow(
            hardware=accelerator,
            fits=bool(self.best.verdict.fits),
            reason=None if self.best.verdict.fits else short_note(self.best.verdict).text,
            layout=self.best.row,
            tpot_interval_ms=self.best.tpot_interval_ms,
            evidence=machine_of(self.deployment).evidence,
            ledger=self.best.explanation if explained else None,
        )

    def _reason(self) -> str:
        """Why it has no layout, and what would do: looked for only where it is shown, since that takes longest."""
        try:
            best_layouts(_offered(self.deployment, self.load), self.load, goal=self.goal)
        except (DoesNotFitError, LayoutError) as error:
            return str(error)
        raise AssertionError(f"{self.deployment} was found to have no layout")


def try_accelerator(deployment: Deployment, load: Load, goal: str) -> Tried:
    """The best layout of one accelerator's devices; of the fewest in a node that hold the load where none are given."""
    found = Tried(deployment=deployment, load=load, goal=goal)
    try:
        best = best_layouts(_offered(deployment, load), load, goal=goal, advise=False).best
    except (DoesNotFitError, LayoutError):
        return found
    return replace(found, best=best)


def _offered(deployment: Deployment, load: Load) -> Deployment:
    if deployment.devices is not None:
        return deployment
    fewest = fewest_in_node(deployment, load)
    assert deployment.accelerator is not None
    devices = deployment.accelerator.link_domain if fewest is None else fewest.layout.tensor
    return replace(deployment, devices=devices)


def ranked(tried: Sequence[Tried]) -> list[Tried]:
    """Best first; where any takes as many devices as it needs, by what each device does."""
    by_device = any(one.deployment.devices is None for one in tried)
    return sorted(tried, key=lambda one: one.order(by_device))


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
