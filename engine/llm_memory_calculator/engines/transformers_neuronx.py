"""transformers-neuronx: a model compiled for a batch and a length, whose cache is there from the start.

Numbers stand in data/engines/transformers_neuronx.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .transformers import Transformers

if TYPE_CHECKING:
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransformersNeuronx(Transformers):
    """Its sampling loop over graphs of one batch size."""

    TITLE: ClassVar[str] = "transformers-neuronx"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("neuron",)
    TASKS: ClassVar[tuple[str, ...]] = ("decoder",)
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("int8",)
    BEAMS: ClassVar[bool] = False

    @property
    def step_tokens(self) -> int:
        """A pass takes its prompts whole."""
        return 2**31
