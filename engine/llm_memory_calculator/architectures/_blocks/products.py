"""Matrix products as all blocks are made of them, and the paths of modules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...operators import Linear, Norm, Operator, Output, Part

Operators = tuple[Operator, ...]


def within(path: str, *names: str) -> tuple[str, ...]:
    """The paths of modules inside `path`, which is empty where they stand in the layer itself."""
    return tuple(f"{path}.{name}" if path else name for name in names)


def plain(name: str, outputs: int, inputs: int, bias: bool = False, part: Part | None = None) -> Linear:
    """One matrix that every rank keeps whole."""
    return Linear(name=name, outputs=(Output(name=name, units=outputs, part=part),), input_units=inputs, bias=bias)


def columns(
    name: str, outputs: Sequence[Output], inputs: int, bias: bool = False, *, part: Part | None = "mixer"
) -> Linear:
    """One product whose outputs tensor-parallel ranks share; of a mixer that keeps a state, unless it is told."""
    parts = tuple(replace(output, part=part) for output in outputs)
    return Linear(name=name, outputs=parts, input_units=inputs, bias=bias, split="columns")


def rows(name: str, outputs: int, units: int, width: int = 1, bias: bool = False, *, part: Part = "mixer") -> Linear:
    """One product whose inputs tensor-parallel ranks share, summing what they give; of a mixer, unless it is told."""
    out = (Output(name=name, units=outputs, part=part),)
    return Linear(name=name, outputs=out, input_units=units, input_width=width, bias=bias, split="rows")


def borrowed(operators: Operators) -> Operators:
    """The same operators with weights that another layer stores."""

    def without_weights(operator: Operator) -> Operator:
        if isinstance(operator, Linear):
            return replace(operator, stored=False, bias=False)
        return replace(operator, scaled=False) if isinstance(operator, Norm) else operator

    return tuple(without_weights(operator) for operator in operators)
