"""Matrix products with stored weights, and the tables that are looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from ..units import ceil_div, smaller
from .base import Part, Role, Split, Stateless, Step, TablePart, Weight, Work, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..units import Quantity
    from .base import Shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One of the projections that an engine fuses into a product: `units` heads (or columns) of `width` values."""

    name: str
    units: int
    width: int = 1
    biased: bool = True
    """False: it has no bias where the others of its product have one (Whisper's keys)."""
    part: Part | None = None

    @property
    def size(self) -> int:
        return self.units * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Stateless):
    """y = x W (+ b), one launch for all `outputs`.

    split: "columns" shares the outputs among tensor-parallel ranks (a unit of which there are fewer than ranks is
    replicated), "rows" shares the inputs and sums the results over the ranks, "none" keeps it whole on each.
    stored=False is a tied head: it multiplies a table that is stored elsewhere (a bias is its own).
    """

    outputs: tuple[Output, ...]
    input_units: int
    input_width: int = 1
    bias: bool = False
    split: Split = "none"
    role: Role = "linear"
    stored: bool = True
    reduces: bool = True
    """A row-split product is summed right away; False when a later sum carries it along (parallel branches)."""
    per: Literal["token", "sequence", "source"] = "token"
    """Rows that it multiplies: all tokens, only the positions that sample, or what an encoder has just given."""
    inputs: int = field(init=False)
    output_size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", self.input_units * self.input_width)
        object.__setattr__(self, "output_size", sum(output.size for output in self.outputs))

    @property
    def kind(self) -> WorkKind:
        return "matmul"

    @property
    def sums(self) -> bool:
        return self.split == "rows" and self.reduces

    @property
    def gives_logits(self) -> bool:
        return self.role == "head"

    @property
    def borrows(self) -> bool:
        return not self.stored

    @property
    def reads_source(self) -> bool:
        return self.per == "source"

    def self_contained(self) -> Self:
        return self if self.stored else replace(self, stored=True)

    def weights(self) -> tuple[Weight, ...]:
        found = [
            Weight(name=output.name, rows=output.size, columns=self.inputs, role=self.role, part=output.part)
            for output in (self.outputs if self.stored else ())
        ]
        if self.bias:
            found += [
                Weight(name=f"{output.name}.bias", rows=output.size, role="vector")
                for output in self.outputs
                if output.biased
            ]
        return tuple(found)

    def shard(self, tensor: int, expert: int) -> Self:
        if self.split == "columns":
            outputs = tuple(replace(output, units=ceil_div(output.units, tensor)) for output in self.outputs)
            return replace(self, outputs=outputs)
        if self.split == "rows":
            return replace(self, input_units=ceil_div(self.input_units, tensor))
        return self

    def work(self, step: Step) -> Work:
        rows = self._rows(step)
        return Work(
            flops=2 * rows * self.inputs * self.output_size,
            weight_share=1.0 if self.per != "source" else smaller(rows, 1),
            activations=rows * (self.inputs + self.output_size),
            rows=rows,
            inner=self.inputs,
        )

    def _rows(self, step: Step) -> Quantity:
        if self.per == "token":
            return step.tokens
        return step.sampled if self.per == "sequence" else step.batch * step.encoded

    def live_values(self) -> int:
        return 0 if self.per == "sequence" else self.inputs + self.output_size

    def reduced_values(self, step: Step) -> Quantity:
        return step.tokens * self.output_size if self.sums else 0

    def divides(self) -> tuple[tuple[str, int], ...]:
        if self.split == "rows":
            return ((f"the inputs of {self.name}", self.input_units),)
        return ()

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        # projections that the checkpoint fuses under one name share one A
        sizes: dict[str, int] = {}
        for weight in self.self_contained().weights():
            if wanted(weight):
                sizes[weight.name] = sizes.get(weight.name, 0) + weight.rows
        shards_a, shards_b = shards(self.split)
        return sum(rank * self.inputs / shards_a + rank * size / shards_b for size in sizes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding(Stateless):
    """A table of `entries` rows of `width` values; the vocabulary's is shared among tensor-parallel ranks."""

    entries: int
    width: int
    part: TablePart = "vocabulary"
    hashed: bool = False
    """For runs of tokens, of which there are so many that only the row that a token takes is called active."""

    @property
    def split(self) -> Split:
        return "none" if self.part == "positions" else "rows"

    @property
    def sums(self) -> bool:
        return self.split == "rows"

    def weights(self) -> tuple[Weight, ...]:
        return (Weight(name=self.name, rows=self.entries, columns=self.width, role="table", part=self.part),)

    def active_parameters(self) -> int:
        return self.width if self.hashed else self.entries * self.width

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, entries=ceil_div(self.entries, tensor)) if self.split == "rows" else self

    def work(self, step: Step) -> Work:
        return Work(activations=2 * step.tokens * self.width)

    def live_values(self) -> int:
        return self.width

    def reduced_values(self, step: Step) -> Quantity:
        return step.tokens * self.width if self.sums else 0

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        return sum(rank * (weight.rows + weight.columns) for weight in self.weights() if wanted(weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm(Stateless):
    """RMSNorm (scale) or LayerNorm (scale and bias) over `width` values, with the residual sum fused into it."""

    width: int
    bias: bool = False
    heads: int = 1
    """How many such vectors of a token are normed (q and k norms act on each head)."""
    own_scales: bool = False
    """Each of these vectors has a scale of its own, as where the values of all heads are normed at once (OLMo 2)."""
    scaled: bool = True
    """False: nothing is learned (OLMo 1)."""
    gated: bool = False
    """What is normed is a mixer's output, which a gate multiplies in the same pass, and no residual is summed."""
    split: Split = "none"
    per: Literal["token", "source"] = "token"
    """Rows that it norms: all tokens, or what an encoder has just given."""

    @property
    def residual_width(self) -> int:
        return self.width

    @property
    def reads_source(self) -> bool:
        return self.per == "source"

    def weights(self) -> tuple[Weight, ...]:
        if not self.scaled:
            return ()
        rows = self.width * (self.heads if self.own_scales else 1)
        scale = Weight(name=self.name, rows=rows, role="vector")
        return (scale, Weight(name=f"{self.name}.bias", rows=rows, role="vector")) if self.bias else (scale,)

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor)) if self.split == "columns" else self

    def work(self, step: Step) -> Work:
        # x and the residual read, both written back, the sum written once more in its wider format: five values.
        # Gated: x and the gate read, the result written.
        rows = step.tokens if self.per == "token" else step.batch * step.encoded
        return Work(activations=(3 if self.gated else 5) * rows * self.width * self.heads)

    def live_values(self) -> int:
        return 2 * self.width * self.heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Stateless):
    """silu(gate) * up, or gelu(x): `width` values out, twice as many in when gated."""

    width: int
    gated: bool = True
    per: Literal["token", "source"] = "token"
    """Rows that it works on: all tokens, or what an encoder has just given."""

    @property
    def reads_source(self) -> bool:
        return self.per == "source"

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, width=ceil_div(self.width, tensor))

    def work(self, step: Step) -> Work:
        rows = step.tokens if self.per == "token" else step.batch * step.encoded
        return Work(activations=(3 if self.gated else 2) * rows * self.width)

    def live_values(self) -> int:
        return (3 if self.gated else 2) * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer(Stateless):
    """A stored float32 vector that is no parameter (DeepSeek-V3's router correction)."""

    size: int
    counted: bool = False
    """Whether it is counted as a parameter all the same (ERNIE 4.5's router correction)."""

    def weights(self) -> tuple[Weight, ...]:
        return (Weight(name=self.name, rows=self.size, role="vector" if self.counted else "buffer"),)

    def work(self, step: Step) -> Work:
        return Work()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned(Stateless):
    """Learned values that are neither matrix nor table: a class token, a gate, latents, positions that are added."""

    size: int
    trained: bool = True
    """False: it was computed, and is stored all the same."""

    def weights(self) -> tuple[Weight, ...]:
        return (Weight(name=self.name, rows=self.size, role="vector", trained=self.trained),)

    def work(self, step: Step) -> Work:
        return Work()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDiagonal(Stateless):
    """`blocks` matrices side by side, each on its own part of the input; tensor parallelism shares the blocks.

    Kept as one tensor of three dimensions, which quantisers of matrices leave alone.
    """

    blocks: int
    inputs: int
    outputs: int
    bias: str | None = None
    """Name of the bias, where there is one."""

    @property
    def kind(self) -> WorkKind:
        return "matmul"

    def weights(self) -> tuple[Weight, ...]:
        matrix = Weight(name=self.name, rows=self.outputs, columns=self.inputs, copies=self.blocks, role="vector")
        if self.bias is None:
            return (matrix,)
        return (matrix, Weight(name=self.bias, rows=self.outputs, copies=self.blocks, role="vector"))

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, blocks=ceil_div(self.blocks, tensor))

    def work(self, step: Step) -> Work:
        return Work(
            flops=2 * step.tokens * self.blocks * self.inputs * self.outputs,
            weight_share=1.0,
            activations=step.tokens * self.live_values(),
            rows=step.tokens,
            inner=self.inputs,
        )

    def live_values(self) -> int:
        return self.blocks * (self.inputs + self.outputs)

    def divides(self) -> tuple[tuple[str, int], ...]:
        return ((f"the blocks of {self.name}", self.blocks),)
