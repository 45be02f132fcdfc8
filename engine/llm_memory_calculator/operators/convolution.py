"""Convolutions over images, spectra and latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Role, Stateless, Step, Weight, Work, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import Shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Stateless):
    """A convolution from `inputs` to `outputs` channels; `kernel` is the number of positions under it (9 for 3 x 3).

    `groups` groups of channels do not mix. Counted at its output positions, which are the positions of its layer.
    """

    inputs: int
    outputs: int
    kernel: int
    groups: int = 1
    bias: bool = True
    role: Role = "tower"

    @property
    def kind(self) -> WorkKind:
        return "matmul"

    @property
    def filters(self) -> int:
        return self.outputs

    def weights(self) -> tuple[Weight, ...]:
        columns = self.inputs // self.groups * self.kernel
        kernel = Weight(name=self.name, rows=self.outputs, columns=columns, role=self.role)
        bias = Weight(name=f"{self.name}.bias", rows=self.outputs, role="vector")
        return (kernel, bias) if self.bias else (kernel,)

    def work(self, step: Step) -> Work:
        return Work(
            flops=2 * step.tokens * self.outputs * (self.inputs // self.groups) * self.kernel,
            weight_share=1.0,
            activations=step.tokens * (self.inputs + self.outputs),
            rows=step.tokens,
        )

    def live_values(self) -> int:
        return self.inputs + self.outputs

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        return sum(rank * (weight.rows + weight.columns) for weight in self.weights() if wanted(weight))
