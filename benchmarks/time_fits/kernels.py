"""Single kernels: products, routed experts, attention of prompts and of new tokens, sums over ranks.

A trial stands in the engine's own table (data/kernels.toml as it was read) while it is tried, and `law_of` makes the
law of it: no formula stands here. Works are those of the package's operators. Rows that were served from the
second-level cache are left out, and so are kernels that were timed without a graph or had no tuned configuration.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llm_memory_calculator.engines import KernelCost, device_of, engine_for
from llm_memory_calculator.facts import table
from llm_memory_calculator.formats.numerics import FORMATS, Format
from llm_memory_calculator.formats.scheme import Formats, WeightScheme
from llm_memory_calculator.operators import Step, Work
from llm_memory_calculator.operators.attention import Attention
from llm_memory_calculator.operators.base import Operator, Routed, WorkKind
from llm_memory_calculator.operators.experts import Experts
from llm_memory_calculator.operators.linear import Linear, Output
from llm_memory_calculator.performance.collectives import reduction
from llm_memory_calculator.performance.machine import Machine, law_of
from llm_memory_calculator.performance.roofline import moved_bytes, value_bytes
from llm_memory_hardware import find_accelerator

from .solving import Array, Constants, Fit, Prior, beside, folds, inline, mean_of, show_errors

Place = tuple[str, ...]
Steps = Callable[[pd.DataFrame], Step]
Rows = dict[Place, Constants]
"""Rows of the table by where they stand in it."""
CARDS = {"a100_sxm": "A100_80GB", "h100_sxm": "H100_SXM", "h200_sxm": "H200", "l40s": "L40S", "b200_sxm": "B200"}
CACHE = {"a100_sxm": 40e6, "h100_sxm": 50e6, "h200_sxm": 50e6, "l40s": 96e6, "b200_sxm": 126e6}
"""Bytes of the second-level cache, by the makers' papers on the designs."""
ENGINES = {"trtllm": "tensorrt_llm", "vllm": "vllm", "sglang": "sglang"}
GENERATIONS = {
    "A100_80GB": "ampere_ada",
    "L40S": "ampere_ada",
    "H100_SXM": "hopper",
    "H200": "hopper",
    "B200": "blackwell",
}
LIKE = {"H200": "H100_SXM", "A100_80GB": "L40S"}
"""Cards that have factors on the experts of their generation, which are those of another."""
BF16 = FORMATS["bf16"]
PLAIN = KernelCost(latent_launch=0.0, latent_prefill=0.0, elementwise_passes=1.0)
"""An engine that takes the kernels as they are."""
USUAL = 0.2
LOOSE = 2.0
"""Deviation of priors that say no more than where to begin."""
SHARES = 3
LEFT_OUT = ("group", "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The measured kernels of one card under one engine in one format."""

    card: str
    engine: str
    row: str
    """The row of the table that the law reads; empty where an engine has one row for all."""
    seconds: Array
    shapes: tuple[str, ...]
    """Of each kernel, what is left out together."""

    def estimated(self) -> Array:
        """Seconds by the table as it stands; laws are cached by machine, of which each trial is a new one."""
        raise NotImplementedError

    def some(self, numbers: Sequence[int]) -> Cell:
        """Some of its kernels."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked(Cell):
    """Kernels whose time follows from a law of work."""

    kind: WorkKind
    form: Format
    """Of the weights."""
    cache: Format
    work: Work
    moved: Array
    """Bytes that are read and written."""
    weights: Array
    """Bytes of the weights that are there."""
    spread: Array | None = None
    """Of routed experts, how uneven the benchmark's routing is."""

    def estimated(self) -> Array:
        law: Any = law_of(machine_of(self.card, self.engine), self.kind, self.form, BF16, self.cache)
        if self.spread is not None:
            law = replace(law, spread=self.spread)
        seconds: Array = law.time(self.work, self.moved, self.weights).seconds
        return seconds

    def some(self, numbers: Sequence[int]) -> Worked:
        chosen = list(numbers)
        return replace(
            self,
            seconds=self.seconds[chosen],
            shapes=tuple(self.shapes[number] for number in chosen),
            work=_some(self.work, chosen),
            moved=self.moved[chosen],
            weights=self.weights[chosen],
            spread=None if self.spread is None else self.spread[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed(Cell):
    """Sums over ranks."""

    message: Array
    """Bytes."""
    ranks: NDArray[np.int64]

    def estimated(self) -> Array:
        machine, seconds = machine_of(self.card, self.engine), np.empty(len(self.message))
        for count in np.unique(self.ranks):
            chosen = self.ranks == count
            seconds[chosen] = reduction(machine, int(count)).time(self.message[chosen])
        return seconds

    def some(self, numbers: Sequence[int]) -> Summed:
        chosen = list(numbers)
        shapes = tuple(self.shapes[number] for number in chosen)
        message, ranks = self.message[chosen], self.ranks[chosen]
        return replace(self, seconds=self.seconds[chosen], shapes=shapes, message=message, ranks=ranks)


def machine_of(card: str, engine: str) -> Machine:
    accelerator = find_accelerator(card)
    made: Any = engine_for(engine, None, device_of(accelerator))
    bare: Any = replace(made, kernels=PLAIN)
    return Machine(accelerator=accelerator, engine=bare, evidence="measured", card=card, chip={})


def put(rows: Rows) -> None:
    for path, row in rows.items():
        at = table("kernels")
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = row


def stands(path: Place) -> Mapping[str, float]:
    """The row of the table, empty where it has none."""
    at: Any = table("kernels")
    for part in path:
        at = at.get(part, {})
    found: Mapping[str, float] = at
    return found


@contextmanager
def trials() -> Iterator[None]:
    """The table is as it was once all is tried."""
    before = copy.deepcopy(table("kernels"))
    try:
        yield
    finally:
        table("kernels").clear()
        table("kernels").update(before)


_OF_WORK = tuple(one.name for one in fields(Work) if one.name not in ("routed", "absorbed_flops"))


def stacked(works: Sequence[tuple[Work, int]]) -> Work:
    """Works of so many kernels each as one work of arrays."""

    def whole(values: Iterable[tuple[Any, int]]) -> Array:
        return np.concatenate([np.broadcast_to(np.asarray(value, dtype=float), count) for value, count in values])

    found = {name: whole((getattr(work, name), count) for work, count in works) for name in _OF_WORK}
    routed = None
    if works[0][0].routed is not None:
        parts = [(work.routed, count) for work, count in works]
        numbers = range(len(Routed._fields))
        routed = Routed(*(whole((part[number], count) for part, count in parts) for number in numbers))
    return Work(**found, routed=routed)


def _some(work: Work, numbers: Sequence[int]) -> Work:
    """The work of some of the kernels."""
    chosen = {name: getattr(work, name)[numbers] for name in _OF_WORK}
    return Work(**chosen, routed=None if work.routed is None else Routed(*(part[numbers] for part in work.routed)))


def _cell(
    rows: pd.DataFrame, by: Sequence[str], operator: Callable[[tuple[int, ...]], Operator], step: Steps, **said: Any
) -> Worked:
    """The cell of rows: the works of one operator for each shape, all of its kernels at once.

    said: what else is known of the cell; the bytes of weights follow from its format.
    """
    works, order, moved, weights = [], [], [], []
    formats = Formats(scheme=WeightScheme(plain=BF16), kv_cache=said["cache"])
    engine = machine_of(said["card"], said["engine"]).engine
    for shape, some in rows.groupby(list(by), sort=False):
        one = operator(tuple(int(part) for part in shape))
        stored = sum(weight.copies * said["form"].stored_bytes(weight.rows, weight.columns) for weight in one.weights())
        work = one.work(step(some))
        works.append((work, len(some)))
        moved.append(moved_bytes(work, stored, value_bytes(one, formats, engine), 1, formats, engine))
        order.append(some.index.to_numpy())
        weights.append(np.full(len(some), float(stored)))
    ordered = rows.loc[np.concatenate(order)]
    left_out = said.pop("left_out")
    return Worked(
        **said,
        seconds=ordered.latency_ms.to_numpy(float) / 1e3,
        shapes=tuple(" ".join(map(str, shape)) for shape in ordered[list(left_out)].to_numpy()),
        work=stacked(works),
        moved=np.concatenate(moved),
        weights=np.concatenate(weights),
        spread=ordered.distribution.map(SPREADS).to_numpy(float) if said["kind"] == "experts" else None,
    )


def _from_memory(cell: Worked, least: Array, cache: float | None = None) -> Worked:
    """Without kernels that read their least bytes faster than the memory can.

    cache: bytes of the second level, of which a benchmark that reads the same again and again finds some: half of what
    fits it is taken off.
    """
    bandwidth = find_accelerator(cell.card).memory_bandwidth
    if cache is not None:
        missed = 1 - np.clip(1 - least / cache, 0, 1) / 2
        cell = replace(cell, moved=cell.moved * missed, weights=cell.weights * missed)
    return cell.some(np.flatnonzero(least / cell.seconds < bandwidth).tolist())


# --- products ---------------------------------------------------------------------------------------------------------

# Weights as the files call them: int8_wo follows the row of weights_only, which is int4's. vLLM's fp8 in blocks was
# timed without a graph: 70 to 200 us a call whatever the size.
PRODUCT_FORMS = {"bfloat16": "bf16", "fp8": "fp8", "fp8_block": "fp8_block", "int4_wo": "int4", "nvfp4": "nvfp4"}
PRODUCT = {
    "launch": Prior(5e-6, LOOSE),
    "rate": Prior(0.65, LOOSE, 1.0),
    "bandwidth": Prior(0.8, LOOSE, 1.0),
    "inner": Prior(4e-10, LOOSE),
    "quantise": Prior(1.5, LOOSE),
}
OF_ENGINE = ("launch", "rate", "bandwidth", "quantise")
"""What an engine multiplies in a card's constants; those of TensorRT-LLM are the cards' own."""
QUANTISED = ("fp8", "fp8_block", "nvfp4")


def products(reference: Path, thin: int) -> list[Cell]:
    rows = pd.read_csv(reference / "kernels" / "kernel_gemm.csv")[::thin]
    rows = rows[rows.gemm_dtype.isin(PRODUCT_FORMS) & ~((rows.engine == "vllm") & (rows.gemm_dtype == "fp8_block"))]
    found: list[Cell] = []
    for (gpu, engine, dtype), some in rows.groupby(["gpu", "engine", "gemm_dtype"]):
        form = FORMATS[PRODUCT_FORMS[dtype]]
        cell = _cell(
            some,
            ("n", "k"),
            lambda shape: Linear(
                name="product", outputs=(Output(name="product", units=shape[0]),), input_units=shape[1]
            ),
            lambda kernels: Step(batch=kernels.m.to_numpy(float), query=1),
            card=CARDS[gpu],
            engine=ENGINES[engine],
            row=_row_of(form),
            kind="matmul",
            form=form,
            cache=BF16,
            left_out=("n", "k"),
        )
        found.append(_from_memory(cell, cell.moved))
    return found


def _product(shape: tuple[int, ...]) -> Linear:
    outputs, inputs = shape
    return Linear(name="product", outputs=(Output(name="product", units=outputs),), input_units=inputs)


def _row_of(form: Format) -> str:
    return "weights_only" if form.name == "int4" else form.name


def fit_products(cells: Sequence[Cell], turns: int) -> Rows:
    """By format: constants of each card, factors of each engine."""
    found: Rows = {}
    for row in sorted({cell.row for cell in cells}):
        own = [cell for cell in cells if cell.row == row]
        cards = sorted({cell.card for cell in own})
        engines = sorted({cell.engine for cell in own} - {"tensorrt_llm"})
        parts = [part for part in PRODUCT if part != "quantise" or row in QUANTISED]
        priors = {f"{card}.{part}": PRODUCT[part] for card in cards for part in parts}
        priors |= {f"{engine}.{part}": Prior(1.0, 1.0) for engine in engines for part in OF_ENGINE if part in parts}

        def rows_of(
            constants: Constants, row: str = row, cards: Any = cards, engines: Any = engines, parts: Any = parts
        ) -> Rows:
            of_cards: Rows = {
                ("matmul", card, row): {part: constants[f"{card}.{part}"] for part in parts} for card in cards
            }
            of_engines: Rows = {
                ("matmul_of_engine", engine, row): {part: constants.get(f"{engine}.{part}", 1.0) for part in parts}
                for engine in ("tensorrt_llm", *engines)
            }
            return of_cards | of_engines

        found |= rows_of(_solved(own, priors, rows_of, turns))
        found["matmul", "default", row] = mean_of(found["matmul", card, row] for card in cards)
    return found


def _solved(
    cells: Sequence[Cell], priors: Mapping[str, Prior], rows_of: Callable[[Constants], Rows], turns: int
) -> Constants:
    def errors(constants: Constants) -> Array:
        put(rows_of(constants))
        return np.concatenate([np.log(cell.estimated() / cell.seconds) for cell in cells])

    return Fit(errors=errors, priors=priors, usual=USUAL).solved(turns=turns)


# --- attention --------------------------------------------------------------------------------------------------------

PROMPTS = {
    "launch": Prior(1e-5, LOOSE),
    "rate": Prior(0.6, LOOSE, 1.0),
    "ramp": Prior(400.0, LOOSE),
    "inner": Prior(4e-9, LOOSE),
    "bandwidth": Prior(0.7, LOOSE, 1.0),
}
DECODES = {
    "launch": Prior(1e-5, LOOSE),
    "bandwidth": Prior(0.8, LOOSE, 1.0),
    "row": Prior(1.5e-9, LOOSE),
    "inner": Prior(3e-10, LOOSE),
}
WIDEST = 32
"""Heads that share a KV head, beyond which TensorRT-LLM runs other kernels, 3 to 12 times slower: left out."""


def attention(reference: Path, thin: int, kind: str) -> list[Cell]:
    """kind: prompts or decodes. Products in fp8 are left out: no law reads their rows."""
    of_prompts = kind == "prompts"
    rows = pd.read_csv(reference / "kernels" / f"kernel_{'prefill' if of_prompts else 'decode'}_attention.csv")[::thin]
    rows = rows[rows.attn_dtype == "bfloat16"]
    if not of_prompts:
        wide = (rows.engine == "trtllm") & (rows.num_heads > WIDEST * rows.num_key_value_heads)
        rows = rows[(rows.kv_len >= 64) & ~wide]
    found: list[Cell] = []
    for (gpu, engine, cached), some in rows.groupby(["gpu", "engine", "kv_cache_dtype"]):
        cache = FORMATS["fp8" if cached == "fp8" else "bf16"]
        cell = _cell(
            some,
            ("num_heads", "num_key_value_heads", "head_dim"),
            lambda shape: Attention(name="attention", heads=shape[0], kv_heads=shape[1], head_dim=shape[2]),
            _prompts if of_prompts else _tokens,
            card=CARDS[gpu],
            engine=ENGINES[engine],
            row=f"bf16_{cache.name}",
            kind="attention",
            form=BF16,
            cache=cache,
            left_out=("batch_size", "num_heads", "num_key_value_heads"),
        )
        if of_prompts:
            # a kernel does not rewrite queries and keys, which the law has beside: half of the activations are its own
            found.append(_from_memory(cell, cell.moved - cell.work.activations))
        else:
            found.append(_from_memory(cell, cell.work.cache_read * cache.bits / 8, CACHE[gpu]))
    return found


def _prompts(kernels: pd.DataFrame) -> Step:
    return Step(batch=kernels.batch_size.to_numpy(float), query=kernels.isl.to_numpy(float))


def _tokens(kernels: pd.DataFrame) -> Step:
    return Step(batch=kernels.batch_size.to_numpy(float), query=1, context=kernels.kv_len.to_numpy(float) - 1)


def fit_apart(cells: Sequence[Cell], turns: int, place: str, priors: Mapping[str, Prior]) -> Rows:
    """Each card, engine and format by itself, and means over engines and over cards where one has no rows."""
    found: Rows = {}
    for cell in cells:
        path = _apart(place, cell.card, cell.engine, cell.row)
        found[path] = _solved([cell], priors, lambda constants, path=path: {path: constants}, turns)
    rows = {cell.row for cell in cells}
    engines = sorted({cell.engine for cell in cells})
    cards = sorted({cell.card for cell in cells})
    for row in sorted(rows):
        for engine in engines:
            own = [found[path] for card in cards if (path := _apart(place, card, engine, row)) in found]
            if own:
                found[_apart(place, "default", engine, row)] = mean_of(own)
        for card in (*cards, "default"):
            own = [found[path] for engine in engines if (path := _apart(place, card, engine, row)) in found]
            if own:
                found[_apart(place, card, "default", row)] = mean_of(own)
    return found


def _apart(place: str, card: str, engine: str, row: str) -> Place:
    return (place, card, engine, row) if row else (place, card, engine)


# --- routed experts ---------------------------------------------------------------------------------------------------

EXPERT_FORMS = {
    "bfloat16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "int4_wo": "int4",
    "nvfp4": "nvfp4",
    "w4a16_mxfp4": "mxfp4",
    "w4a8_mxfp4_mxfp8": "mxfp4",
}
EXPERTS = {
    "launch": Prior(30e-6, LOOSE / 2),
    "launch_expert": Prior(1e-8, LOOSE / 2),
    "bandwidth": Prior(0.85, LOOSE / 2, 1.0),
    "rate": Prior(0.4, LOOSE / 2, 1.0),
    "ramp": Prior(60.0, LOOSE / 2),
    "local_pass": Prior(1.0, LOOSE / 2),
    "token_pass": Prior(1.5, LOOSE / 2),
    "width": Prior(20.0, LOOSE / 2),
}
OF_CARD = ("launch", "bandwidth", "rate", "local_pass")
SPREADS = {"balanced": 0.0, "power_law_1.01": 1.1, "power_law_1.2": 1.3}
"""Deviation of an expert's popularity over its mean, of how the benchmark routes."""
SICK = {("vllm", "fp8", "hopper"), ("sglang", "mxfp4", "ampere_ada")}
"""Kernels that read weights at a fifth of the bandwidth, for want of a tuned configuration."""


def experts(reference: Path, thin: int) -> list[Cell]:
    rows = pd.read_csv(reference / "kernels" / "kernel_moe.csv")[::thin]
    # SGLang 0.5.10's benchmark sent the rows of other ranks' experts to the first one of the rank
    rows = rows[~(rows.src.str.contains("sglang/0.5.10") & (rows.moe_ep_size > 1))]
    # on Blackwell engines multiply mxfp4 with activations in 8 bits
    rows = rows[~((rows.gpu == "b200_sxm") & (rows.moe_dtype == "w4a16_mxfp4"))]
    found: list[Cell] = []
    for (gpu, engine, dtype), some in rows.groupby(["gpu", "engine", "moe_dtype"]):
        form, card = FORMATS[EXPERT_FORMS[dtype]], CARDS[gpu]
        if (ENGINES[engine], _row_of(form), GENERATIONS[card]) in SICK:
            continue
        cell = _cell(
            some,
            ("hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size"),
            _experts,
            lambda kernels: Step(batch=kernels.num_tokens.to_numpy(float), query=1),
            card=card,
            engine=ENGINES[engine],
            row=_row_of(form),
            kind="experts",
            form=form,
            cache=BF16,
            left_out=("hidden_size", "inter_size", "num_experts", "topk"),
        )
        found.append(_from_memory(cell, cell.work.weight_share * cell.weights, CACHE[gpu]))
    return found


def _experts(shape: tuple[int, ...]) -> Experts:
    hidden, intermediate, active, count, tensor, expert = shape
    whole = Experts(name="experts", count=count, active=active, hidden=hidden, intermediate=intermediate)
    return whole.shard(tensor * expert, expert)


def fit_experts(cells: Sequence[Cell], turns: int) -> Rows:
    """By generation, engine and format on its first card; then a card's factors on all of them."""
    found: Rows = {}
    own: dict[Place, list[Cell]] = {}
    for cell in cells:
        own.setdefault(("experts", GENERATIONS[cell.card], cell.engine, cell.row), []).append(cell)
    present = {cell.card for cell in cells}
    factors: Rows = {("experts_card", card, "factors"): dict.fromkeys(OF_CARD, 1.0) for card in LIKE}
    put(factors)

    def of_generations() -> None:
        for path, some in own.items():
            found[path] = _solved(some, EXPERTS, lambda constants, path=path: {path: constants}, turns)
        put(found)

    of_generations()
    for card, other in LIKE.items():
        if {card, other} <= present:
            at, some = ("experts_card", card, "factors"), [cell for cell in cells if cell.card == card]
            priors = dict.fromkeys(OF_CARD, Prior(1.0, 0.5))
            factors[at] = _solved(some, priors, lambda constants, at=at: {at: constants}, turns)
            put({at: factors[at]})
    of_generations()
    found |= factors
    generations = sorted({path[1] for path in own})
    for generation in generations:
        for engine in sorted({path[2] for path in own if path[1] == generation}):
            found["experts", generation, engine, "any"] = mean_of(
                found[path] for path in own if path[1:3] == (generation, engine)
            )
        found["experts", generation, "default", "any"] = mean_of(found[path] for path in own if path[1] == generation)
    return found


# --- sums over ranks --------------------------------------------------------------------------------------------------

REDUCE = {
    "base": Prior(3e-6, LOOSE),
    "rank": Prior(1e-7, LOOSE),
    "one_shot": Prior(0.6, LOOSE, 2.0),
    "base2": Prior(1e-5, LOOSE),
    "rank2": Prior(1e-6, LOOSE),
    "two_shot": Prior(0.8, LOOSE, 2.0),
    # a power, which may be next to none and is not below
    "power": Prior(0.15, LOOSE, 1.0),
}


def sums(reference: Path, thin: int) -> list[Cell]:
    """Of engines over links of their own; over the host's bus (L40S) kernels are erratic, and whole runs tell it."""
    rows = pd.read_csv(reference / "kernels" / "kernel_collectives.csv")[::thin]
    rows = rows[(rows.op == "all_reduce") & rows.engine.isin(ENGINES) & (rows.gpu != "l40s")]
    return [
        Summed(
            card=CARDS[gpu],
            engine=ENGINES[engine],
            row="",
            seconds=some.latency_ms.to_numpy(float) / 1e3,
            shapes=tuple(f"{size} {ranks}" for size, ranks in zip(some.message_size, some.num_gpus, strict=True)),
            message=2.0 * some.message_size.to_numpy(float),
            ranks=some.num_gpus.to_numpy(np.int64),
        )
        for (gpu, engine), some in rows.groupby(["gpu", "engine"])
    ]


# --- the stage --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of kernel: its rows, and how they are fitted."""

    cells: Callable[[Path, int], list[Cell]]
    fit: Callable[[Sequence[Cell], int], Rows]
    place: str
    """The table of its cards."""


KINDS = {
    "products": Kind(products, fit_products, "matmul"),
    "experts": Kind(experts, fit_experts, "experts"),
    "prompts": Kind(
        lambda reference, thin: attention(reference, thin, "prompts"),
        lambda cells, turns: fit_apart(cells, turns, "prompts", PROMPTS),
        "prompts",
    ),
    "decodes": Kind(
        lambda reference, thin: attention(reference, thin, "decodes"),
        lambda cells, turns: fit_apart(cells, turns, "decodes", DECODES),
        "decodes",
    ),
    "sums": Kind(sums, lambda cells, turns: fit_apart(cells, turns, "all_reduce", REDUCE), "all_reduce"),
}


def run(reference: Path, *, cross_validate: Sequence[str], quick: bool) -> None:
    """Fit all kinds of kernels, and print constants and errors."""
    thin, turns = (20, 6) if quick else (1, 25)
    for name, kind in KINDS.items():
        cells = kind.cells(reference, thin)
        with trials():
            show_errors(f"kernels, {name}, as the tables are", _ratios(cells))
            rows = kind.fit(cells, turns)
            put(rows)
            show_errors(f"kernels, {name}, fitted", _ratios(cells))
        print()
        for path, row in sorted(rows.items()):
            print(f"[{'.'.join(path[:-1])}] {path[-1]}: {beside(row, stands(path))}")
        _show_toml(rows)
        for by in cross_validate:
            if by in LEFT_OUT:
                with trials():
                    scored = _by_card(kind, cells, turns) if by == "system" else _by_shape(kind, cells, turns)
                left = "card" if by == "system" else f"share of {SHARES} of the shapes"
                show_errors(f"kernels, {name}, left out by {left}", scored)


def _show_toml(rows: Rows) -> None:
    heads: dict[Place, list[str]] = {}
    for path, row in rows.items():
        heads.setdefault(path[:-1], []).append(f"{path[-1]} = {inline(row)}")
    for head, lines in sorted(heads.items()):
        print("\n".join((f"\n[{'.'.join(head)}]", *lines)))


def _ratios(cells: Sequence[Cell]) -> dict[str, list[Array]]:
    """Measured over estimated of cells by what they are."""
    found: dict[str, list[Array]] = {}
    for cell in cells:
        _sort_in(found, cell, cell.seconds / cell.estimated())
    return found


def _sort_in(found: dict[str, list[Array]], cell: Cell, ratio: Array) -> None:
    for name in ("all", cell.card, cell.engine, cell.row):
        if name:
            found.setdefault(name, []).append(ratio)


def _by_shape(kind: Kind, cells: Sequence[Cell], turns: int) -> dict[str, list[Array]]:
    scored: dict[str, list[Array]] = {}
    every = [folds(cell.shapes, SHARES) for cell in cells]
    for share in sorted({name for some in every for name in some}):
        kept, left = [], []
        for cell, by_share in zip(cells, every, strict=True):
            out = by_share.get(share, [])
            rest = sorted(set(range(len(cell.seconds))) - set(out))
            if out and rest:
                left.append(cell.some(out))
                kept.append(cell.some(rest))
        put(kind.fit(kept, turns))
        for cell in left:
            _sort_in(scored, cell, cell.seconds / cell.estimated())
    return scored


def _by_card(kind: Kind, cells: Sequence[Cell], turns: int) -> dict[str, list[Array]]:
    """Each card by the means of the others, or of its generation where experts have one; without any it is not told."""
    scored: dict[str, list[Array]] = {}
    for card in sorted({cell.card for cell in cells}):
        kept = [cell for cell in cells if cell.card != card]
        rows = kind.fit(kept, turns)
        known = {(cell.engine, cell.row) for cell in kept}
        left = [cell for cell in cells if cell.card == card and (cell.engine, cell.row) in known]
        if kind.place == "experts":
            same = {(cell.engine, cell.row) for cell in kept if GENERATIONS[cell.card] == GENERATIONS[card]}
            left = [cell for cell in left if (cell.engine, cell.row) in same]
        else:
            rows |= {
                (path[0], card, *path[2:]): row
                for path, row in rows.items()
                if path[0] == kind.place and path[1] == "default"
            }
        put(rows)
        for cell in left:
            _sort_in(scored, cell, cell.seconds / cell.estimated())
    return scored
