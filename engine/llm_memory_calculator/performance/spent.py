"""What work takes: seconds by its kind, operations and bytes. Of a layer, a step or a phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..units import Quantity


@dataclass(slots=True)
class Spent:
    """A sum to which more is added; each number an array where the load is one."""

    seconds: dict[str, Quantity] = field(default_factory=dict)
    """By kind of work; kinds that there are none of have no entry."""
    total: Quantity = 0.0
    """Seconds in all."""
    compute_s: Quantity = 0.0
    """Seconds that the operations need."""
    memory_s: Quantity = 0.0
    """Seconds that the bytes need."""
    launch_s: Quantity = 0.0
    """Seconds of launches, whatever they launch."""
    flops: Quantity = 0.0
    bytes: Quantity = 0.0

    def spend(self, kind: str, seconds: Quantity) -> None:
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
        self.total = self.total + seconds

    def add(self, other: Spent, times: Quantity = 1) -> None:
        """So many times another's."""
        for kind, seconds in other.seconds.items():
            self.seconds[kind] = self.seconds.get(kind, 0.0) + times * seconds
        self.total = self.total + times * other.total
        self.compute_s = self.compute_s + times * other.compute_s
        self.memory_s = self.memory_s + times * other.memory_s
        self.launch_s = self.launch_s + times * other.launch_s
        self.flops = self.flops + times * other.flops
        self.bytes = self.bytes + times * other.bytes

    def of(self, kind: str) -> Quantity:
        """Seconds of a kind of work."""
        return self.seconds.get(kind, 0.0)
