"""Routed experts of a mixture: stored, multiplied and read a step are three different numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ..units import ceil_div, choose, missed_share
from .base import Part, Routed, Stateless, Step, Weight, Work, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..units import Quantity
    from .base import Shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts(Stateless):
    """`count` feed-forward networks of which each token runs `active`.

    Read in a step of T tokens: the share 1 - (1 - active/count)^T of the experts, which uniform routing touches.
    Tensor parallelism splits each expert's intermediate width; expert parallelism gives a rank whole experts. Copies of
    the rest of the model may share one set of them, and then step together: a rank works on the tokens of all copies,
    of which each has as many as the step says.
    """

    count: int
    active: int
    hidden: int
    intermediate: int
    gated: bool = True
    bias: bool = False
    module: str = "mlp.experts"
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj")
    """Names of gate, up and down in the checkpoint."""
    local: int = 0
    """Experts on this rank, the fullest, when they are shared among expert-parallel ranks; 0: all."""
    copies: int = 1
    """Copies of the rest of the model that share them."""

    @property
    def kind(self) -> WorkKind:
        return "experts"

    @property
    def sums(self) -> bool:
        return True

    @property
    def expert_count(self) -> int:
        return self.count

    @property
    def visited_share(self) -> float:
        return 1.0 - (1.0 - self.active / self.count) ** self.held

    @property
    def held(self) -> int:
        held: int = choose(self.local > 0, self.local, self.count)
        return held

    def weights(self) -> tuple[Weight, ...]:
        # expert 0 stands for all of them, since patterns of quantisers name experts by number
        prefix = f"{self.module}.0"
        gate, up, down = self.names
        inner: tuple[tuple[str, Part], ...] = ((gate, "gate"), (up, "up")) if self.gated else ((up, "up"),)
        found = [self._matrix(f"{prefix}.{name}", self.intermediate, self.hidden, part) for name, part in inner]
        found.append(self._matrix(f"{prefix}.{down}", self.hidden, self.intermediate, "down"))
        if self.bias:
            found += [
                Weight(name=f"{weight.name}.bias", rows=weight.rows, copies=self.held, role="vector")
                for weight in found
            ]
        return tuple(found)

    def _matrix(self, name: str, rows: int, columns: int, part: Part) -> Weight:
        return Weight(name=name, rows=rows, columns=columns, copies=self.held, role="expert", part=part)

    def active_parameters(self) -> int:
        return sum(weight.parameters for weight in self.weights()) // self.count * self.active

    def pooled(self, copies: int) -> Self:
        return replace(self, copies=copies)

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(
            self,
            local=ceil_div(self.count, expert),
            intermediate=ceil_div(self.intermediate, ceil_div(tensor * self.copies, expert)),
        )

    def ranks(self, tensor: int, expert: int) -> int:
        return tensor * self.copies // expert

    def work(self, step: Step) -> Work:
        tokens = self.copies * step.tokens
        routed = tokens * self.active * (self.held / self.count)
        matrices = 3 if self.gated else 2
        inner = (2 if self.gated else 1) * self.intermediate
        row_flops = 2 * matrices * self.hidden * self.intermediate
        touched = 1.0 - missed_share(self.active / self.count, tokens)
        return Work(
            flops=routed * row_flops,
            weight_share=touched,
            activations=routed * (2 * self.hidden + inner + self.intermediate),
            rows=tokens,
            routed=Routed(
                tokens=tokens,
                active=self.active,
                experts=self.count,
                held=self.held,
                hidden=self.hidden,
                intermediate=self.intermediate,
                matrices=matrices,
            ),
        )

    def live_values(self) -> int:
        # routed rows in, gate and up out, down out; the rank's share of them on average
        inner = (3 if self.gated else 2) * self.intermediate
        routed = ceil_div(self.copies * self.active * (2 * self.hidden + inner) * self.held, self.count)
        if self.copies == 1:
            return routed
        # what copies hand over before it is routed, and what is handed back
        return routed + round(2 * self.copies * self.visited_share * self.hidden)

    def routed_buffers(self) -> int:
        # a fused kernel's inputs and outputs share one buffer, what is between its products takes another
        inner = (2 if self.gated else 1) * self.intermediate
        return self.active * (max(self.intermediate, self.hidden) + max(inner, self.hidden))

    def padded_share(self, hidden: int, intermediate: int) -> float:
        padded = _padded(self.hidden, hidden) * _padded(self.intermediate, intermediate)
        return padded / (self.hidden * self.intermediate)

    def reduced_values(self, step: Step) -> Quantity:
        return self.copies * step.tokens * self.hidden

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the experts' intermediate width", self.intermediate),)

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        return sum(weight.copies * rank * (weight.rows + weight.columns) for weight in self.weights() if wanted(weight))


def _padded(width: int, multiple: int) -> int:
    return ceil_div(width, multiple) * multiple
