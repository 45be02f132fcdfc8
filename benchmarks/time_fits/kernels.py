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

from llm_memory_calculator.engines import KernelCost, device_of, engine_for
from llm_memory_calculator.facts import table
from llm_memory_calculator.formats.numerics import FORMATS
from llm_memory_calculator.operators import Step, Work
from llm_memory_calculator.operators.attention import Attention
from llm_memory_calculator.operators.base import Routed
from llm_memory_calculator.operators.experts import Experts
from llm_memory_calculator.operators.linear import Linear, Output
from llm_memory_calculator.performance.machine import ExpertsLaw, Machine, law_of
from llm_memory_calculator.performance.step import all_reduce
from llm_memory_hardware import find_accelerator

from .solving import Array, Constants, Fit, Prior, beside, folds, inline, mean_of, show_errors

Place = tuple[str, ...]
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


@dataclass(frozen=True, slots=True)
class Cell:
    """The measured kernels of one card under one engine in one format."""

    card: str
    engine: str
    row: str
    """The row of the table that the law reads."""
    seconds: Array
    shapes: tuple[str, ...]
    """Of each kernel, what is left out together."""
    time: Callable[[Machine], Array]
    """By the engine's law on a machine."""

    def estimated(self) -> Array:
        """Seconds by the table as it stands; laws are cached by machine, of which each trial is a new one."""
        return self.time(machine_of(self.card, self.engine))


def machine_of(card: str, engine: str) -> Machine:
    accelerator = find_accelerator(card)
    made = engine_for(engine, None, device_of(accelerator))
    bare: Any = replace(made, kernels=PLAIN)  # type: ignore[type-var]
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


def stacked(works: Sequence[tuple[Work, int]]) -> Work:
    """Works of so many kernels each as one work of arrays."""

    def whole(values: Iterable[tuple[Any, int]]) -> Array:
        return np.concatenate([np.broadcast_to(np.asarray(value, dtype=float), count) for value, count in values])

    names = [one.name for one in fields(Work) if one.name not in ("routed", "absorbed_flops")]
    found = {name: whole((getattr(work, name), count) for work, count in works) for name in names}
    routed = None
    if works[0][0].routed is not None:
        parts = [(work.routed, count) for work, count in works]
        numbers = range(len(Routed._fields))
        routed = Routed(*(whole((part[number], count) for part, count in parts) for number in numbers))
    return Work(**found, routed=routed)


def _works(rows: pd.DataFrame, by: Sequence[str], work: Callable[[Any, pd.DataFrame], tuple[Work, Any]]) -> Any:
    """The works of rows, one operator for each shape; the rows in that order, with the bytes of the weights."""
    parts, order, sizes = [], [], []
    for shape, some in rows.groupby(list(by), sort=False):
        made, size = work(shape, some)
        parts.append((made, len(some)))
        order.append(some.index.to_numpy())
        sizes.append(np.full(len(some), float(size)))
    return stacked(parts), rows.loc[np.concatenate(order)], np.concatenate(sizes)


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
    found = []
    for (gpu, engine, dtype), some in rows.groupby(["gpu", "engine", "gemm_dtype"]):
        form = FORMATS[PRODUCT_FORMS[dtype]]

        def operator(shape: Any, kernels: pd.DataFrame, form: Any = form) -> tuple[Work, float]:
            outputs, inputs = (int(size) for size in shape)
            one = Linear(name="product", outputs=(Output(name="product", units=outputs),), input_units=inputs)
            return one.work(Step(batch=kernels.m.to_numpy(float), query=1)), form.stored_bytes(outputs, inputs)

        work, ordered, weights = _works(some, ("n", "k"), operator)
        moved = weights + 2 * work.activations
        seconds = ordered.latency_ms.to_numpy(float) / 1e3
        kept = moved / seconds < find_accelerator(CARDS[gpu]).memory_bandwidth
        work, moved, weights = _kept(work, kept), moved[kept], weights[kept]
        row = "weights_only" if form.name == "int4" else form.name

        def time(machine: Machine, work: Work = work, moved: Array = moved, form: Any = form) -> Array:
            return law_of(machine, "matmul", form, BF16, BF16).time(work, moved, 0.0).seconds

        shapes = tuple(f"{n} {k}" for n, k in zip(ordered.n[kept], ordered.k[kept], strict=True))
        cell = Cell(
            kind="product",
            card=CARDS[gpu],
            engine=ENGINES[engine],
            row=row,
            seconds=seconds[kept],
            shapes=shapes,
            time=time,
        )
        found.append(cell)
    return found


def _kept(work: Work, kept: Any) -> Work:
    """The work of some of the kernels."""
    found = {one.name: getattr(work, one.name) for one in fields(Work)}
    routed = found.pop("routed")
    chosen = {name: value[kept] for name, value in found.items() if value is not None}
    return Work(**chosen, routed=None if routed is None else Routed(*(part[kept] for part in routed)))


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
    found = []
    for (gpu, engine, cached), some in rows.groupby(["gpu", "engine", "kv_cache_dtype"]):
        cache = FORMATS["fp8" if cached == "fp8" else "bf16"]

        def operator(shape: Any, kernels: pd.DataFrame, of_prompts: bool = of_prompts) -> tuple[Work, float]:
            heads, kv_heads, size = (int(part) for part in shape)
            one = Attention(name="attention", heads=heads, kv_heads=kv_heads, head_dim=size)
            batch = kernels.batch_size.to_numpy(float)
            if of_prompts:
                return one.work(Step(batch=batch, query=kernels.isl.to_numpy(float))), 0.0
            return one.work(Step(batch=batch, query=1.0, context=kernels.kv_len.to_numpy(float) - 1)), 0.0

        work, ordered, _ = _works(some, ("num_heads", "num_key_value_heads", "head_dim"), operator)
        value = cache.bits / 8
        read = (work.cache_read + work.cache_written) * value
        moved = 2 * work.activations + read
        seconds = ordered.latency_ms.to_numpy(float) / 1e3
        least = moved if of_prompts else read
        kept = least / seconds < find_accelerator(CARDS[gpu]).memory_bandwidth
        # the benchmark reads the same cache again and again: of what fits the second level half is taken off
        hit = 0.0 if of_prompts else np.clip(1 - read / CACHE[gpu], 0, 1)
        moved = (moved * (1 - hit / 2))[kept]
        work = _kept(work, kept)

        def time(machine: Machine, work: Work = work, moved: Array = moved, cache: Any = cache) -> Array:
            return law_of(machine, "attention", BF16, BF16, cache).time(work, moved, 0.0).seconds

        ordered = ordered[kept]
        shapes = tuple(
            f"{batch} {heads} {shared}"
            for batch, heads, shared in zip(
                ordered.batch_size, ordered.num_heads, ordered.num_key_value_heads, strict=True
            )
        )
        row = f"bf16_{'fp8' if cached == 'fp8' else 'bf16'}"
        found.append(Cell(CARDS[gpu], ENGINES[engine], row, seconds[kept], shapes, time))
    return found


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
    found = []
    for (gpu, engine, dtype), some in rows.groupby(["gpu", "engine", "moe_dtype"]):
        form, card = FORMATS[EXPERT_FORMS[dtype]], CARDS[gpu]
        row = "weights_only" if form.name == "int4" else form.name
        if (ENGINES[engine], row, GENERATIONS[card]) in SICK:
            continue

        def operator(shape: Any, kernels: pd.DataFrame, form: Any = form) -> tuple[Work, float]:
            hidden, inner, active, count, tensor, expert = (int(part) for part in shape)
            whole = Experts(name="experts", count=count, active=active, hidden=hidden, intermediate=inner)
            one = whole.shard(tensor * expert, expert)
            stored = sum(weight.copies * form.stored_bytes(weight.rows, weight.columns) for weight in one.weights())
            return one.work(Step(batch=kernels.num_tokens.to_numpy(float), query=1)), stored

        by = ("hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")
        work, ordered, weights = _works(some, by, operator)
        seconds = ordered.latency_ms.to_numpy(float) / 1e3
        read = work.weight_share * weights
        kept = read / seconds < find_accelerator(card).memory_bandwidth
        weights = (weights * (1 - np.clip(1 - read / CACHE[gpu], 0, 1) / 2))[kept]
        work, ordered = _kept(work, kept), ordered[kept]
        spread = ordered.distribution.map(SPREADS).to_numpy(float)

        def time(
            machine: Machine, work: Work = work, weights: Array = weights, form: Any = form, spread: Any = spread
        ) -> Array:
            law = law_of(machine, "experts", form, BF16, BF16)
            assert isinstance(law, ExpertsLaw)
            return replace(law, spread=spread).time(work, weights, weights).seconds

        shapes = tuple(
            " ".join(map(str, shape))
            for shape in ordered[["hidden_size", "inter_size", "num_experts", "topk"]].to_numpy()
        )
        found.append(Cell(card, ENGINES[engine], row, seconds[kept], shapes, time))
    return found


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
    found = []
    for (gpu, engine), some in rows.groupby(["gpu", "engine"]):
        message = 2.0 * some.message_size.to_numpy(float)
        ranks = some.num_gpus.to_numpy(int)

        def time(machine: Machine, message: Array = message, ranks: Any = ranks) -> Array:
            seconds = np.empty(len(message))
            for count in np.unique(ranks):
                chosen = ranks == count
                seconds[chosen] = all_reduce(message[chosen], int(count), machine)
            return seconds

        seconds = some.latency_ms.to_numpy(float) / 1e3
        shapes = tuple(f"{size} {count}" for size, count in zip(some.message_size, ranks, strict=True))
        found.append(Cell(CARDS[gpu], ENGINES[engine], "", seconds, shapes, time))
    return found


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


def _some(cell: Cell, chosen: Array) -> Cell:
    """Some of a cell's kernels."""
    time = cell.time
    numbers = np.flatnonzero(chosen)
    return replace(
        cell,
        seconds=cell.seconds[numbers],
        shapes=tuple(cell.shapes[number] for number in numbers),
        time=lambda machine: time(machine)[numbers],
    )


def _by_shape(kind: Kind, cells: Sequence[Cell], turns: int) -> dict[str, list[Array]]:
    scored: dict[str, list[Array]] = {}
    every = [folds(cell.shapes, SHARES) for cell in cells]
    for share in sorted({name for some in every for name in some}):
        kept, left = [], []
        for cell, by_share in zip(cells, every, strict=True):
            out = np.zeros(len(cell.seconds), dtype=bool)
            out[by_share.get(share, [])] = True
            if out.any() and not out.all():
                left.append(_some(cell, out))
                kept.append(_some(cell, ~out))
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
