"""Layouts: how many devices share a model, and in which ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from .architecture import Architecture
from .errors import LayoutError
from .operators import REPLICATED, Operator
from .operators.base import KV_HEADS
from .stacks import stacked
from .units import choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallelism:
    """tensor x pipeline x data devices; the experts of a mixture are shared among `expert` groups of them.

    `data` copies of the model serve separate requests. Where `expert` divides `tensor`, each copy has its own experts,
    shared among its tensor ranks, and copies send each other nothing. Otherwise the experts of a stage are shared among
    its tensor x data ranks, and only the rest (attention with its cache, dense layers) is whole in each copy.
    `context` of the tensor ranks that would keep the same keys share the tokens of each sequence's cache instead.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    context: int = 1

    @property
    def devices_of_copy(self) -> int:
        return self.tensor * self.pipeline

    @property
    def devices(self) -> int:
        return self.devices_of_copy * self.data

    @property
    def pooled(self) -> int:
        """Copies that share one set of experts."""
        copies: int = choose(self.tensor % self.expert == 0, 1, self.data)
        return copies

    def said(self) -> dict[str, Any]:
        """What reports say of it."""
        return {
            "tensor_parallel": self.tensor,
            "pipeline_parallel": self.pipeline,
            "data_parallel": self.data,
            "expert_parallel": self.expert,
            "context_parallel": self.context,
            "devices": self.devices,
        }

    def __str__(self) -> str:
        expert = f" EP{self.expert}" if self.expert > 1 else ""
        context = f" CP{self.context}" if self.context > 1 else ""
        return f"TP{self.tensor} PP{self.pipeline} DP{self.data}{expert}{context}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layouts(Parallelism):
    """Layouts side by side, whose sizes are arrays. Compared and hashed by identity."""

    members: tuple[Parallelism, ...]
    column: bool = False
    """Whether another axis stands after that of the layouts: the machines of a fleet."""
    loads: int = 0
    """Axes of loads that stand before both; of one alone nothing need be said."""

    @property
    def where(self) -> Any:
        """Which layout each element is, in the shape of the arrays."""
        import numpy

        return numpy.arange(len(self.members)).reshape(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return (-1, 1) if self.column else (-1,)

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def side_by_side(members: Sequence[Parallelism], *, column: bool = False, loads: int = 0) -> Layouts:
    """Layouts as one whose sizes are arrays in their order, in a column beside the machines of a fleet, and after axes
    of loads."""
    import numpy

    where = numpy.arange(len(members)).reshape((-1, 1) if column else (-1,))
    sizes = {item.name: stacked([getattr(one, item.name) for one in members], where) for item in fields(Parallelism)}
    return Layouts(members=tuple(members), column=column, loads=loads, **sizes)


def most_stages(architecture: Architecture) -> int:
    """The longest pipeline of devices that a copy of the model can be dealt to."""
    return 1 if architecture.task == "diffusion" else architecture.depth


@lru_cache(maxsize=512)
def most_groups(architecture: Architecture) -> int:
    """Groups of ranks that can each have an expert of their own of every mixture; 0 where the model has none."""
    operators = (operator for layer in architecture.stack for operator in layer.operators)
    return min((operator.expert_count for operator in operators if operator.expert_count), default=0)


@lru_cache(maxsize=4096)
def problem(architecture: Architecture, layout: Parallelism, *, pads: bool = False) -> str | None:
    """Why the model cannot be split in this way, or None when it can.

    Experts that the groups do not divide go: some groups have one more, or redundant ones fill the others.
    pads: heads and widths that the ranks do not divide are filled up.
    """
    if architecture.task == "diffusion" and layout.devices_of_copy > 1:
        return "a pipeline of diffusion is counted whole on each device (data_parallel makes copies)"
    if layout.pipeline > architecture.depth:
        return f"pipeline_parallel {layout.pipeline} exceeds the model's {architecture.depth} layers"
    layers = (*architecture.encoder, *architecture.stack)
    operators = [operator.pooled(layout.pooled) for layer in layers for operator in layer.operators]
    if layout.expert > 1 and not any(operator.expert_count for operator in operators):
        return "expert_parallel needs a mixture of experts, and the model has none"
    sharing = layout.tensor * layout.pooled
    if sharing % layout.expert:
        return (
            f"expert_parallel {layout.expert} divides neither tensor_parallel {layout.tensor} nor tensor_parallel x "
            f"data_parallel, {layout.tensor * layout.data}"
        )
    for operator in operators:
        ranks = operator.ranks(layout.tensor, layout.expert)
        for what, count in operator.divides():
            replicated = what in REPLICATED and ranks % count == 0
            if count % ranks and not replicated and not pads:
                split = (
                    "tensor_parallel" if ranks == layout.tensor else "tensor_parallel x data_parallel / expert_parallel"
                )
                return f"{split} {ranks} does not divide {what} ({count})"
    return _context_problem(operators, layout) if layout.context > 1 else None


def _context_problem(operators: Sequence[Operator], layout: Parallelism) -> str | None:
    """Why ranks cannot share the tokens of a cache so."""
    context, tensor = layout.context, layout.tensor
    if tensor % context:
        return f"context_parallel {context} does not divide tensor_parallel {tensor}, whose ranks share the tokens"
    for operator in operators:
        law = operator.cache_law()
        if any(operator.state()) or (law is not None and not operator.shares_tokens):
            kept = "a recurrent state" if law is None else law.kind
            return f"context_parallel shares the tokens of full attention to all tokens alone, and the model has {kept}"
        heads = dict(operator.divides()).get(KV_HEADS)
        if law is not None and heads is not None and (not (copies := tensor // heads) or copies % context):
            alike = f"{copies} such for each of" if copies > 1 else "none such for"
            return (
                f"context_parallel {context} shares tokens among ranks that would keep the same keys, and of "
                f"tensor_parallel {tensor} there are {alike} the {heads} KV heads"
            )
    return None


@lru_cache(maxsize=512)
def tensor_sizes(architecture: Architecture, most: int) -> tuple[int, ...]:
    """The tensor-parallel sizes up to `most` that the model can be split into."""
    return tuple(tensor for tensor in range(1, most + 1) if problem(architecture, Parallelism(tensor=tensor)) is None)


def sharing_layouts(architecture: Architecture, devices: int) -> tuple[Parallelism, ...]:
    """Layouts of so many devices, all of which share the experts: the widest tensor parallelism first."""
    if not 1 < devices <= most_groups(architecture):
        return ()
    every = (
        Parallelism(tensor=tensor, data=devices // tensor, expert=devices)
        for tensor in range(devices, 0, -1)
        if devices % tensor == 0
    )
    return tuple(layout for layout in every if problem(architecture, layout) is None)


def check(architecture: Architecture, layout: Parallelism, *, pads: bool = False) -> None:
    """Raise LayoutError, with what goes, when the model cannot be split in this way; pads: as of `problem`."""
    reason = problem(architecture, layout, pads=pads)
    if reason is None:
        return
    possible = ", ".join(map(str, tensor_sizes(architecture, 64)))
    sharing = [
        f"{', '.join(map(str, layouts))} ({devices} devices)"
        for devices in sorted({layout.tensor * layout.data, layout.expert})
        if (layouts := sharing_layouts(architecture, devices))
    ]
    raise LayoutError(
        f"This model cannot be split so: {reason}. tensor_parallel can be {possible}; "
        f"pipeline_parallel up to {most_stages(architecture)}."
        + (f" Layouts whose devices share the experts: {'; '.join(sharing)}." if sharing else "")
    )
