"""Drafted tokens in time: what a step that verifies them is, what drafting takes, how many tokens it comes to."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..operators import Step
from ..ranks import holdings
from ..units import larger
from .machine import machine_of
from .spent import Spent
from .step import Clock, grouped_time, merged_time

if TYPE_CHECKING:
    from ..deployment import Deployment, Speculation
    from ..units import Quantity


def decode_step(deployment: Deployment, batch: Quantity, context: Quantity, source: Quantity = 0) -> Step:
    """The step that gives so many sequences their next tokens: one each, or all that were drafted and one."""
    drafts = deployment.speculation
    if drafts is None:
        return Step(batch=batch, query=1, context=context, source=source)
    query = 1 + drafts.tokens
    return Step(batch=batch, query=query, context=context, source=source, samples=batch * query, verifies=True)


def tokens_of_step(speculation: Speculation | None) -> float:
    """Tokens that a step comes to: one, and each drafted one with the chance that all before it are taken too."""
    if speculation is None:
        return 1.0
    return sum(speculation.acceptance**number for number in range(speculation.tokens + 1))


def drafting_time(deployment: Deployment, batch: Quantity, context: Quantity, clock: Clock) -> Spent:
    """What drafting takes before a step: one pass of the draft for each token, each with logits and a turn of the host.

    Nothing where nothing drafts, or where n-grams are looked up.
    """
    found, drafts = Spent(), deployment.speculation
    if drafts is None or drafts.architecture is None:
        return found
    drafting, machine = _drafting(deployment), machine_of(deployment)
    step = Step(batch=larger(batch, 1), query=1, context=context)
    layout = drafting.layout
    for holding in holdings(drafting.architecture, drafting.formats.scheme, layout, machine.engine):
        found.add(merged_time(drafting, holding, step, 0, clock), drafts.tokens)
        found.add(grouped_time(drafting, holding, step, False, clock), drafts.tokens)
    if not any(operator.gives_logits for operator in drafting.architecture.last.operators):
        # it has the model's own head
        last = holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine)[-1]
        found.add(clock.merged(deployment, machine, last.text[-1][1], step, encodes=False), drafts.tokens)
    found.spend("host", drafts.tokens * machine.engine.host.step)
    return found


@lru_cache(maxsize=64)
def _drafting(deployment: Deployment) -> Deployment:
    """The draft as a deployment of its own, on the devices of the last stage."""
    drafts = deployment.speculation
    assert drafts is not None
    assert drafts.architecture is not None
    model = replace(deployment.model, architecture=drafts.architecture)
    layout = replace(deployment.layout, pipeline=1)
    return replace(deployment, model=model, formats=drafts.formats, layout=layout, speculation=None)
