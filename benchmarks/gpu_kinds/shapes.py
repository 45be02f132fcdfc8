"""What is measured: shapes that the engine's own description of two models gives, from coarse to fine. No torch here.

A shape knows the file that its row goes to, and what in that row says which one it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, ClassVar, Protocol, TypeVar

from llm_memory_calculator.api import load_model
from llm_memory_calculator.models import Model
from llm_memory_calculator.operators import Attention, Experts, Linear, Operator, Step

Columns = tuple[str, ...]
_OF_A_KERNEL = ("latency_ms", "gpu", "engine")
TORCH_FORMATS = {"bf16": "bfloat16", "fp8": "fp8"}
"""Formats as the files of kernels write them, by the engine's names."""


class Shape(Protocol):
    """Something that takes a time."""

    file: ClassVar[str]
    columns: ClassVar[Columns]

    def identity(self) -> dict[str, Any]:
        """The columns by which its row is told from the others of the file."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Product:
    """A matrix product: `tokens` rows by a projection of a rank."""

    file = "kernel_gemm.csv"
    columns = ("gemm_dtype", "m", "n", "k", *_OF_A_KERNEL, "src", "frac_peak_flops", "frac_peak_bw")
    model: Model
    operator: Linear
    tokens: int
    precision: str

    @property
    def step(self) -> Step:
        return Step(batch=self.tokens, query=1)

    def identity(self) -> dict[str, Any]:
        return {
            "gemm_dtype": TORCH_FORMATS[self.precision],
            "m": self.tokens,
            "n": self.operator.output_size,
            "k": self.operator.inputs,
        }


_HEADS = ("num_heads", "num_key_value_heads", "head_dim", "attn_dtype", "kv_cache_dtype")


@dataclass(frozen=True, kw_only=True, eq=False)
class Attended:
    """Attention of a rank."""

    model: Model
    operator: Attention
    batch: int
    precision: str = "bf16"

    def heads(self) -> dict[str, Any]:
        values = (self.operator.heads, self.operator.kv_heads, self.operator.head_dim, "bfloat16", "bfloat16")
        return dict(zip(_HEADS, values, strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompts(Attended):
    """Causal attention of `batch` whole prompts."""

    file = "kernel_prefill_attention.csv"
    columns = ("batch_size", "isl", *_HEADS, *_OF_A_KERNEL, "src", "frac_peak_flops")
    prompt: int

    @property
    def step(self) -> Step:
        return Step(batch=self.batch, query=self.prompt)

    def identity(self) -> dict[str, Any]:
        return {"batch_size": self.batch, "isl": self.prompt, **self.heads()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Decodes(Attended):
    """Attention of one query a sequence over `keys` keys and values, its own among them."""

    file = "kernel_decode_attention.csv"
    columns = ("batch_size", "kv_len", *_HEADS, *_OF_A_KERNEL, "src", "frac_peak_bw")
    keys: int

    @property
    def step(self) -> Step:
        return Step(batch=self.batch, query=1, context=self.keys - 1)

    def identity(self) -> dict[str, Any]:
        return {"batch_size": self.batch, "kv_len": self.keys, **self.heads()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Routed experts whose intermediate width `tensor` ranks share, without the router."""

    file = "kernel_moe.csv"
    columns = (
        *("moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts"),
        *("moe_tp_size", "moe_ep_size", "distribution", *_OF_A_KERNEL, "src"),
    )
    model: Model
    operator: Experts
    width: int
    """Intermediate width of an expert over all ranks."""
    tensor: int
    tokens: int
    distribution: str
    """balanced: experts take turns; uniform: each token's experts are drawn, all with the same chance."""
    precision: str = "bf16"

    @property
    def step(self) -> Step:
        return Step(batch=self.tokens, query=1)

    def identity(self) -> dict[str, Any]:
        return {
            "moe_dtype": TORCH_FORMATS[self.precision],
            "num_tokens": self.tokens,
            "hidden_size": self.operator.hidden,
            "inter_size": self.width,
            "topk": self.operator.active,
            "num_experts": self.operator.count,
            "moe_tp_size": self.tensor,
            "moe_ep_size": 1,
            "distribution": self.distribution,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum:
    """An all-reduce of `values` values of 16 bits over `ranks` devices."""

    file = "kernel_collectives.csv"
    columns = ("dtype", "num_gpus", "message_size", *_OF_A_KERNEL, "op", "lib", "src")
    ranks: int
    values: int

    def identity(self) -> dict[str, Any]:
        return {"dtype": "bfloat16", "num_gpus": self.ranks, "message_size": self.values, "op": "all_reduce"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """A forward pass of a whole model: a prompt of `query` tokens, or one token each after `context` cached ones."""

    file = "throughput_measured.csv"
    columns = (
        *("source", "model", "gpu", "n_gpu", "tp", "pp", "engine", "precision", "kv_precision"),
        *("batch_or_concurrency", "input_tokens", "output_tokens", "metric", "value", "note"),
    )
    model: Model
    batch: int
    query: int
    context: int = 0

    @property
    def decodes(self) -> bool:
        return self.context > 0

    def identity(self) -> dict[str, Any]:
        return {
            "model": self.model.name,
            **{"n_gpu": 1, "tp": 1, "pp": 1, "precision": "bf16", "kv_precision": "bf16"},
            "batch_or_concurrency": self.batch,
            # the token after a prompt is the prefill's; the one after that is the first step of decode
            "input_tokens": self.context if self.decodes else self.query,
            "output_tokens": 2 if self.decodes else 1,
            "metric": "decode_step_ms" if self.decodes else "prefill_ms",
        }


OperatorShape = Product | Prompts | Decodes | Mixture
"""An operator of one rank of a model, at a step."""
AnyShape = OperatorShape | Sum | Pass


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Between what the shapes lie."""

    models: tuple[str | Mapping[str, Any], ...]
    """Names or configs."""
    tensor: tuple[int, ...] = (1, 2, 4, 8)
    tokens: tuple[int, ...] = tuple(2**power for power in range(15))
    batches: tuple[int, ...] = (1, 4, 16, 64, 256)
    contexts: tuple[int, ...] = tuple(2**power for power in range(9, 17))
    most_cached: int = 2**20
    """Tokens of all sequences together in attention to a cache: 4 GB of eight KV heads of 128."""
    prompts: tuple[int, ...] = tuple(2**power for power in range(7, 16))
    most_prompts: int = 2**15
    """Tokens of all prompts together."""
    messages: tuple[int, ...] = tuple(2**power for power in range(10, 28))
    step_batches: tuple[int, ...] = (1, 8, 64)
    step_contexts: tuple[int, ...] = (512, 4096)
    step_prompts: tuple[int, ...] = (2048, 8192)
    """Of a batch of one."""

    @cached_property
    def described(self) -> tuple[Model, ...]:
        return tuple(map(load_model, self.models))


WHOLE = Grid(models=("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B"))
_TINY = {
    **{"hidden_size": 128, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 16, "vocab_size": 512},
    **{"num_hidden_layers": 2, "tie_word_embeddings": False, "max_position_embeddings": 1024},
}
DRY = Grid(
    models=(
        {"model_type": "llama", "intermediate_size": 256, **_TINY},
        {"model_type": "qwen3_moe", "moe_intermediate_size": 64, "num_experts": 8, "num_experts_per_tok": 2, **_TINY},
    ),
    tensor=(1, 2),
    tokens=(1, 16, 64),
    batches=(1, 4),
    contexts=(32, 128),
    prompts=(32, 128),
    messages=(1024, 65536),
    step_batches=(1, 4),
    step_contexts=(32, 128),
    step_prompts=(64,),
)
"""The same kinds in a few seconds on a CPU, by which the script itself is tried."""

KINDS = ("products", "decodes", "prompts", "experts", "sums", "steps")
"""In the order in which they are measured: the longest last, which takes what time the others leave."""


def shapes_of(kind: str, grid: Grid, devices: int) -> list[AnyShape]:
    """Those of one of the kinds on a machine with so many devices."""
    match kind:
        case "products":
            return products(grid)
        case "decodes":
            return decodes(grid)
        case "prompts":
            return prompts(grid)
        case "experts":
            return mixtures(grid)
        case "sums":
            return sums(grid, devices)
    return passes(grid)


def products(grid: Grid) -> list[AnyShape]:
    """The projections of both models in 16 bits, and in 8 those of their layers, which quantisers take."""
    return _once(
        Product(model=model, operator=operator, tokens=tokens, precision=precision)
        for tensor, tokens in _coarse_first(grid.tensor, grid.tokens)
        for model, operator in _operators(grid, tensor, Linear)
        for precision in (("bf16", "fp8") if operator.role == "linear" else ("bf16",))
    )


def prompts(grid: Grid) -> list[AnyShape]:
    return _once(
        Prompts(model=model, operator=operator, batch=batch, prompt=prompt)
        for tensor, batch, prompt in _coarse_first(grid.tensor, grid.batches, grid.prompts)
        for model, operator in _operators(grid, tensor, Attention)
        if batch * prompt <= grid.most_prompts
    )


def decodes(grid: Grid) -> list[AnyShape]:
    return _once(
        Decodes(model=model, operator=operator, batch=batch, keys=keys)
        for tensor, batch, keys in _coarse_first(grid.tensor, grid.batches, grid.contexts)
        for model, operator in _operators(grid, tensor, Attention)
        if batch * keys <= grid.most_cached
    )


def mixtures(grid: Grid) -> list[AnyShape]:
    return _once(
        Mixture(
            model=model,
            operator=operator,
            width=operator.intermediate * tensor,
            tensor=tensor,
            tokens=tokens,
            distribution=distribution,
        )
        for tensor, tokens in _coarse_first(grid.tensor, grid.tokens)
        for model, operator in _operators(grid, tensor, Experts)
        for distribution in ("balanced", "uniform")
    )


def sums(grid: Grid, devices: int) -> list[AnyShape]:
    """Of as many ranks as there are devices, and of half as many and so on; all messages of the same ranks together."""
    ranks = [count for count in grid.tensor[::-1] if 1 < count <= devices]
    return [Sum(ranks=count, values=values) for count in ranks for values in grid.messages]


def passes(grid: Grid) -> list[AnyShape]:
    """All of the first model before all of the second, since the weights of one alone are held at a time."""
    found: list[AnyShape] = []
    for model in grid.described:
        found += [Pass(model=model, batch=1, query=prompt) for prompt in grid.step_prompts]
        found += [
            Pass(model=model, batch=batch, query=1, context=context)
            for batch, context in _coarse_first(grid.step_batches, grid.step_contexts)
        ]
    return found


_Wanted = TypeVar("_Wanted", bound=Operator)


def _operators(grid: Grid, tensor: int, kind: type[_Wanted]) -> Iterator[tuple[Model, _Wanted]]:
    """Those of one of so many ranks, with their model."""
    for model in grid.described:
        of_rank = model.architecture.shard(tensor)
        for layer in (*of_rank.stack, of_rank.last):
            yield from ((model, operator) for operator in layer.operators if isinstance(operator, kind))


def _once(shapes: Iterable[AnyShape]) -> list[AnyShape]:
    """The first of those that would give the same row."""
    found: dict[tuple[Any, ...], AnyShape] = {}
    for shape in shapes:
        found.setdefault(tuple(shape.identity().values()), shape)
    return list(found.values())


def _coarse_first(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All combinations, those of the ends of the axes first, then what halves what is between, and so on: wherever a
    budget ends, what was measured covers the whole range.
    """
    levels = [_levels(len(axis)) for axis in axes]
    places = sorted(
        product(*(range(len(axis)) for axis in axes)),
        key=lambda place: sum(level[index] for level, index in zip(levels, place, strict=True)),
    )
    return [tuple(axis[index] for axis, index in zip(axes, place, strict=True)) for place in places]


def _levels(count: int) -> list[int]:
    """0 for both ends of so many places, 1 for the middle, 2 for the quarters ..."""
    found = [0] * count

    def halve(low: int, high: int, level: int) -> None:
        middle = (low + high) // 2
        if low < middle < high:
            found[middle] = level
            halve(low, middle, level + 1)
            halve(middle, high, level + 1)

    halve(0, count - 1, 1)
    return found
