"""Layouts: how many devices share a model, and in which ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .architecture import Architecture
from .errors import LayoutError
from .operators import REPLICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallelism:
    """tensor x pipeline x data devices; the experts of a mixture are shared among `expert` of the tensor ranks.

    `data` copies of the model serve separate requests and send each other nothing.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    @property
    def devices_of_copy(self) -> int:
        return self.tensor * self.pipeline

    @property
    def devices(self) -> int:
        return self.devices_of_copy * self.data

    def said(self) -> dict[str, Any]:
        """What reports say of it."""
        return {
            "tensor_parallel": self.tensor,
            "pipeline_parallel": self.pipeline,
            "data_parallel": self.data,
            "expert_parallel": self.expert,
            "devices": self.devices,
        }

    def __str__(self) -> str:
        expert = f" EP{self.expert}" if self.expert > 1 else ""
        return f"TP{self.tensor} PP{self.pipeline} DP{self.data}{expert}"


def most_stages(architecture: Architecture) -> int:
    """The longest pipeline of devices that a copy of the model can be dealt to."""
    return 1 if architecture.task == "diffusion" else architecture.depth


@lru_cache(maxsize=4096)
def problem(architecture: Architecture, layout: Parallelism) -> str | None:
    """Why the model cannot be split in this way, or None when it can."""
    if architecture.task == "diffusion" and layout.devices_of_copy > 1:
        return "a pipeline of diffusion is counted whole on each device (data_parallel makes copies)"
    if layout.pipeline > architecture.depth:
        return f"pipeline_parallel {layout.pipeline} exceeds the model's {architecture.depth} layers"
    if layout.tensor % layout.expert:
        return f"expert_parallel {layout.expert} does not divide tensor_parallel {layout.tensor}"
    layers = (*architecture.encoder, *architecture.stack)
    operators = [operator for layer in layers for operator in layer.operators]
    experts = [operator for operator in operators if operator.expert_count]
    if layout.expert > 1 and not experts:
        return "expert_parallel needs a mixture of experts, and the model has none"
    for mixture in experts:
        if mixture.expert_count % layout.expert:
            return f"expert_parallel {layout.expert} does not divide the {mixture.expert_count} experts"
    for operator in operators:
        ranks = operator.ranks(layout.tensor, layout.expert)
        for what, count in operator.divides():
            replicated = what in REPLICATED and ranks % count == 0
            if count % ranks and not replicated:
                return f"tensor_parallel {ranks} does not divide {what} ({count})"
    return None


@lru_cache(maxsize=512)
def tensor_sizes(architecture: Architecture, most: int) -> tuple[int, ...]:
    """The tensor-parallel sizes up to `most` that the model can be split into."""
    return tuple(tensor for tensor in range(1, most + 1) if problem(architecture, Parallelism(tensor=tensor)) is None)


def check(architecture: Architecture, layout: Parallelism) -> None:
    """Raise LayoutError when the model cannot be split in this way."""
    reason = problem(architecture, layout)
    if reason:
        possible = ", ".join(map(str, tensor_sizes(architecture, 64)))
        raise LayoutError(
            f"This model cannot be split so: {reason}. tensor_parallel can be {possible}; "
            f"pipeline_parallel up to {most_stages(architecture)}."
        )
