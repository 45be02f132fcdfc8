"""What work takes: seconds by its kind, operations and bytes. Of a layer, a step or a phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..units import are_plain

if TYPE_CHECKING:
    from ..units import Quantity
    from .roofline import OperatorTime


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

    def take(self, kind: str, time: OperatorTime) -> None:
        """What an operator takes."""
        self.spend(kind, time.seconds)
        self.compute_s = self.compute_s + time.compute_s
        self.memory_s = self.memory_s + time.memory_s
        self.launch_s = self.launch_s + time.launch_s
        self.flops = self.flops + time.flops
        self.bytes = self.bytes + time.bytes

    def launch(self, seconds: Quantity) -> None:
        """What launches take that no operator has taken."""
        self.spend("launch", seconds)
        self.launch_s = self.launch_s + seconds

    def add_stages(self, stage: Spent, alike: Quantity) -> None:
        """So many times a stage's; of unlike stages along the first axis of arrays so many of each."""
        if are_plain(alike):
            self.add(stage, alike)
            return
        for kind, seconds in stage.seconds.items():
            self.seconds[kind] = self.of(kind) + (alike * seconds).sum(axis=0)
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + (alike * getattr(stage, name)).sum(axis=0))

    def slowest(self, alike: Quantity) -> Quantity:
        """Seconds of the stage that takes longest, of unlike stages along the first axis of arrays."""
        return self.total if are_plain(alike) else self.total.max(axis=0)

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

    def shorten(self, share: Quantity) -> None:
        """All seconds by a share, but those that operations and bytes need."""
        self.seconds = {kind: value * share for kind, value in self.seconds.items()}
        self.total, self.launch_s = self.total * share, self.launch_s * share

    def at(self, index: int) -> Spent:
        """One along the first axis of arrays."""
        found = type(self)()
        found.seconds = {kind: at(value, index) for kind, value in self.seconds.items()}
        for name in _SUMS:
            setattr(found, name, at(getattr(self, name), index))
        return found

    def of(self, kind: str) -> Quantity:
        """Seconds of a kind of work."""
        return self.seconds.get(kind, 0.0)


_SUMS = ("total", "compute_s", "memory_s", "launch_s", "flops", "bytes")


def at(value: Quantity, index: int) -> Quantity:
    """One along the first axis of an array; a number as it is."""
    return value if are_plain(value) else value[index if len(value) > 1 else 0]


class Seconds(Spent):
    """Seconds alone, of which only those of a pipeline are told apart: for a search, which compares nothing else."""

    __slots__ = ()

    def take(self, kind: str, time: OperatorTime) -> None:
        self.total = self.total + time.seconds

    def launch(self, seconds: Quantity) -> None:
        self.total = self.total + seconds

    def spend(self, kind: str, seconds: Quantity) -> None:
        self.total = self.total + seconds
        if kind == "pipeline":
            self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds

    def add(self, other: Spent, times: Quantity = 1) -> None:
        self.total = self.total + times * other.total
        if other.seconds:
            self.seconds["pipeline"] = self.of("pipeline") + times * other.of("pipeline")

    def add_stages(self, stage: Spent, alike: Quantity) -> None:
        seconds = alike * stage.total
        self.total = self.total + (seconds if are_plain(alike) else seconds.sum(axis=0))

    def at(self, index: int) -> Spent:
        found = Seconds()
        found.seconds = {kind: at(value, index) for kind, value in self.seconds.items()}
        found.total = at(self.total, index)
        return found
