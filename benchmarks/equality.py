"""Cells of random questions by arrays beside the same by scalars: ledgers to the byte, times to 1e-12, verdicts.

Run `python benchmarks/equality.py cells --cells 10000 --seed 1` with the package installed: every bundled decoder in
turn under an engine, on an accelerator, in formats and for loads that the seed draws; or `python benchmarks/equality.py
winners`: of every bundled decoder on 8, 16 and 64 devices of six accelerators the layout that a search finds beside the
best of a loop over scalar estimates.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy

from llm_memory_calculator import load_model
from llm_memory_calculator.arguments import CalculateMemory
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import ENGINES, device_of, engine_for, require_serves, serves
from llm_memory_calculator.errors import CalculatorError, LayoutError
from llm_memory_calculator.memory import verdict_of
from llm_memory_calculator.memory.calibration import Calibration
from llm_memory_calculator.parallel import Layouts, Parallelism, side_by_side
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.performance.serving import room_tokens
from llm_memory_calculator.performance.step import Clock
from llm_memory_calculator.question import held
from llm_memory_calculator.search import best_layouts, cells
from llm_memory_calculator.search.fleet import together
from llm_memory_calculator.sources import catalogue_names
from llm_memory_calculator.stacks import UnlikeError
from llm_memory_hardware import Accelerator, get_accelerator

ACCELERATORS = ("H100", "A100_80GB", "B200", "MI300X", "L40S", "TPU v5e")
OTHERS = ("RTX 4090", "GB200", "M3_Ultra", "Gaudi3", "Trainium2", "RTX 6000 Ada")
FORMATS = (None, "bf16", "fp8", "int4")
OWN_FORMATS = {
    "llama_cpp": ("q4_k_m", "q8_0", "bf16"),
    "ik_llama_cpp": ("q4_k_m", "q6_k"),
    "ollama": ("q4_k_m", "q8_0"),
    "ktransformers": ("q4_k_m", "q8_0"),
    "mlx": ("mlx_4bit", "bf16"),
    "exllama": ("4.0bpw", "6.0bpw"),
}
SETTINGS: dict[str, dict[str, tuple[Any, ...]]] = {
    "vllm": {"max_model_len": (50_000,), "enforce_eager": (True,), "kv_cache_memory_bytes": (9_000_000_000,)},
    "sglang": {"page_size": (16,), "max_total_tokens": (90_000,), "disable_radix_cache": (True,)},
    "tensorrt_llm": {"max_tokens": (70_000,), "max_seq_len": (50_000,)},
    "lmdeploy": {"quant_policy": (4, 8), "backend": ("pytorch",), "session_len": (50_000,)},
    "tgi": {"max_batch_total_tokens": (80_000,)},
    "transformers": {
        "attn_implementation": ("eager",),
        "cache_implementation": ("static", "offloaded"),
        "dtype": ("float32",),
        "device_map": ("auto",),
    },
    "llama_cpp": {
        "flash_attn": ("on", "off"),
        "n_ctx": (65_536,),
        "n_parallel": (4,),
        "cache_type_k": ("q8_0",),
        "cache_type_v": ("q4_0",),
        "swa_full": (True,),
        "split_mode": ("row", "layer"),
        "n_gpu_layers": (20,),
        "n_cpu_moe": (10,),
    },
    "ollama": {"num_ctx": (16_384,), "num_parallel": (4,), "kv_cache_type": ("q8_0",), "num_gpu": (15,)},
    "mlx": {"max_kv_size": (4096,), "kv_bits": (4, 8), "towers": (True,)},
    "exllama": {"cache_mode": ("Q4", "Q8"), "max_seq_len": (50_000,)},
    "ktransformers": {"cache_lens": (50_000,)},
}
"""Settings that bear on what is held, with values that are drawn."""
BESIDE: tuple[dict[str, Any], ...] = (
    {"speculative": "ngram"},
    {"speculative": "mtp"},
    {"speculative": {"model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 3}},
    {"max_loras": 4, "max_lora_rank": 64},
    {"max_loras": 2, "fully_sharded_loras": True, "target_modules": ["attn"]},
    {"num_images": 3},
    {"audio_seconds": 30},
    {"encoder_seq_length": 700},
    {},
)
"""What is held beside a text."""
TIMES_WITHIN = 1e-12


@dataclass(slots=True)
class Compared:
    """What was compared, and what was not the same."""

    cells: int = 0
    engines: Counter[str] = field(default_factory=Counter)
    """Cells by engine."""
    worst: float = 0.0
    """Of times, relative."""
    unlike: list[str] = field(default_factory=list)
    apart: Counter[str] = field(default_factory=Counter)
    """Questions that arrays do not take, by why."""

    def take(self, other: Compared) -> None:
        self.cells += other.cells
        self.engines += other.engines
        self.worst = max(self.worst, other.worst)
        self.unlike += other.unlike
        self.apart += other.apart


def served(name: str, engine: str, accelerator: Accelerator, draw: random.Random) -> Deployment | None:
    """A bundled model under an engine in formats that are drawn; None where the engine does not run it there."""
    model, device = load_model(name), device_of(accelerator)
    if model.architecture.task != "decoder":
        return None
    formats = OWN_FORMATS.get(engine, FORMATS)
    try:
        require_serves(engine, model.architecture, device)
        chosen = model.formats(draw.choice(formats), None)
    except CalculatorError:
        return None
    return Deployment(
        model=model,
        formats=chosen,
        engine=engine_for(engine, device=device, **drawn_settings(engine, draw)),
        layout=Parallelism(),
        accelerator=accelerator,
        devices=draw.choice([1, 2, 4, 8, 8, 16, 64]),
    )


def drawn_settings(engine: str, draw: random.Random) -> dict[str, Any]:
    """Some settings of an engine, or none."""
    known = SETTINGS.get(engine, {})
    names = draw.sample(sorted(known), min(len(known), draw.choice((0, 0, 1, 2))))
    return {name: draw.choice(known[name]) for name in names}


def beside(name: str, engine: str, accelerator: Accelerator, draw: random.Random) -> tuple[Deployment, Load] | None:
    """Whatever runs step by step with something beside its text, as a question makes it; None where it cannot."""
    model = load_model(name)
    if model.architecture.task == "diffusion":
        return None
    try:
        asked = CalculateMemory(name, engine=engine, hardware=accelerator, seq_length=3000, **draw.choice(BESIDE))
        deployment, load = held(asked, model, draw.choice((1, 8, 60)))
    except CalculatorError:
        return None
    if draw.random() < 0.3:
        deployment = replace(deployment, calibration=calibration_at(deployment, draw.choice((1, 2, 4))))
    return replace(deployment, devices=draw.choice((1, 4, 8, 16))), load


def calibration_at(deployment: Deployment, tensor: int) -> Calibration:
    """What a log would have measured of so many ranks."""
    engine, total = deployment.engine, deployment.usable_bytes
    assert total is not None
    return Calibration(
        engine=engine.name,
        version=engine.version,
        hardware=deployment.device,
        total_bytes=total,
        parts={"weights": 310_000_000, "activations": -120_000_000, "context": 50_000_000, "graphs": -20_000_000},
        model=deployment.model.name,
        precision=deployment.formats.scheme.label,
        tensor_parallel=tensor,
    )


def drawn_load(draw: random.Random) -> Load:
    return Load(
        sequences=draw.choice([1, 3, 16, 64, 200]),
        tokens=draw.choice([1, 100, 2048, 9000, 40_000]),
        output=draw.choice([1, 2, 256, 3000]),
    )


def offered(deployment: Deployment, draw: random.Random, most: int) -> Layouts | None:
    """Some of the layouts that a search is offered."""
    try:
        members = cells.offer_of(deployment, 200).members
    except LayoutError:
        return None
    return side_by_side(draw.sample(members, min(most, len(members)))) if members else None


def compared(deployment: Deployment, load: Load, layouts: Layouts) -> Compared:
    """The layouts of a load by arrays beside each alone."""
    found = Compared()
    loads = [load] * len(layouts.members)
    _ledgers(found, deployment, load, layouts, loads, (len(loads),))
    _times(found, deployment, load, layouts, loads, (len(loads),))
    return found


def compared_loads(deployment: Deployment, loads: Sequence[Load], layouts: Layouts) -> Compared:
    """Several loads along an axis before that of the layouts, the ledgers of all by arrays beside each alone; then with
    the times of one layout."""
    found = Compared()
    names = ("sequences", "tokens", "output")
    columns = {
        name: numpy.array([getattr(load, name) for load in loads], dtype=numpy.float64)[:, None] for name in names
    }
    each = [load for load in loads for _ in layouts.members]
    shape = len(loads), len(layouts.members)
    _ledgers(found, deployment, replace(loads[0], **columns), layouts, each, shape)
    alone = deployment.laid_out(layouts.members[0])
    _one_layout(found, alone, replace(loads[0], **{name: column[:, 0] for name, column in columns.items()}), loads)
    return found


def _one_layout(found: Compared, alone: Deployment, every: Load, loads: Sequence[Load]) -> None:
    try:
        times = prefill_time(alone, every).total, decode_time(alone, every).total
    except LayoutError:
        return
    verdict = verdict_of(alone, every)
    needs, margins, first, then = (
        numpy.broadcast_to(one, (len(loads),)) for one in (verdict.need.total, verdict.margin_bytes, *times)
    )
    for index, load in enumerate(loads):
        plain = verdict_of(alone, load)
        here, expected = (needs[index], margins[index]), (plain.need.total, plain.margin_bytes)
        ttft, tpot = prefill_time(alone, load).total, decode_time(alone, load).total
        apart = max(abs(first[index] / ttft - 1), abs(then[index] / tpot - 1))
        found.cells, found.worst = found.cells + 1, max(found.worst, float(apart))
        found.engines[alone.engine.name] += 1
        if here != expected or not apart <= TIMES_WITHIN:
            found.unlike.append(f"{alone}, {load}: {here}, alone {expected}; times {apart:.1e} apart")


def _ledgers(
    found: Compared, deployment: Deployment, load: Load, layouts: Layouts, each: Sequence[Load], shape: tuple[int, ...]
) -> None:
    total = deployment.usable_bytes
    assert total is not None
    try:
        together_ = cells.held_together(deployment.laid_out(layouts), load, total, shape)
    except UnlikeError as error:
        found.apart[f"{deployment.engine.name}'s ledger: {error}"] += 1
        return
    needs, margins, possible = (one.reshape(-1) for one in (together_.needs, together_.margins, together_.possible))
    for index, one in enumerate(each):
        alone = deployment.laid_out(layouts.members[index % len(layouts.members)])
        verdict = verdict_of(alone, one)
        here = needs[index], margins[index], bool(possible[index]), bool(margins[index] >= 0)
        expected = verdict.need.total, verdict.margin_bytes, verdict.possible, verdict.fits
        found.cells += 1
        found.engines[deployment.engine.name] += 1
        if here != expected:
            found.unlike.append(f"{alone}, {one.sequences} x {one.tokens} + {one.output}: {here}, alone {expected}")


def _times(
    found: Compared, deployment: Deployment, load: Load, layouts: Layouts, each: Sequence[Load], shape: tuple[int, ...]
) -> None:
    if not cells.time_side_by_side(deployment):
        found.apart[f"{deployment.engine.name}'s times"] += 1
        return
    clock = Clock()
    try:
        expected = [
            (prefill_time(alone, one, clock).total, decode_time(alone, one, clock).total)
            for alone, one in zip(map(deployment.laid_out, layouts.members), each, strict=True)
        ]
    except LayoutError:
        return
    try:
        first, then = cells.times_together(deployment.laid_out(layouts), load, shape)
    except UnlikeError as error:
        found.apart[f"{deployment.engine.name}'s times: {error}"] += 1
        return
    for index, (ttft, tpot) in enumerate(expected):
        error = max(abs(first[index] / ttft - 1), abs(then[index] / tpot - 1))
        found.worst = max(found.worst, float(error))
        if not error <= TIMES_WITHIN:
            found.unlike.append(f"{deployment.laid_out(layouts.members[index])}: times {error:.1e} apart")


def compared_fleet(deployments: Sequence[Deployment], load: Load, most: int) -> Compared:
    """The accelerators that go side by side, with layouts that all take, beside each alone."""
    found = Compared()
    for fleet in together(deployments)[0]:
        members = set.intersection(*(set(cells.offer_of(one, 200).members) for one in fleet.deployments))
        layouts = side_by_side(sorted(members, key=str)[:most], column=True)
        try:
            there, times = fleet.held(load, layouts), fleet.times(load, layouts)
        except UnlikeError as error:
            found.apart[f"{deployments[0].engine.name}'s fleet: {error}"] += 1
            continue
        rooms = None
        try:
            rooms = fleet.room_tokens(load, layouts)
        except UnlikeError as error:
            found.apart[f"{deployments[0].engine.name}'s rooms: {error}"] += 1
        for column, one in enumerate(fleet.deployments):
            clock = Clock()
            for row, layout in enumerate(layouts.members):
                alone = one.laid_out(layout)
                verdict = verdict_of(alone, load)
                expected: tuple[float, ...] = verdict.need.total, verdict.margin_bytes
                here: tuple[float, ...] = there.needs[row, column], there.margins[row, column]
                if rooms is not None:
                    one_load = replace(load, sequences=1)
                    room = room_tokens(alone, one_load) if verdict_of(alone, one_load).fits else 0
                    expected, here = (*expected, room), (*here, rooms[row, column])
                ttft, tpot = prefill_time(alone, load, clock).total, decode_time(alone, load, clock).total
                error = max(abs(times[0][row, column] / ttft - 1), abs(times[1][row, column] / tpot - 1))
                found.cells, found.worst = found.cells + 1, max(found.worst, float(error))
                found.engines[one.engine.name] += 1
                if here != expected or not error <= TIMES_WITHIN:
                    found.unlike.append(f"{alone} in a fleet: {here}, alone {expected}; times {error:.1e} apart")
    return found


def compared_beside(deployment: Deployment, load: Load, layouts: Layouts) -> Compared:
    """The ledgers of what is held beside a text by arrays beside each alone."""
    found = Compared()
    loads = [load] * len(layouts.members)
    _ledgers(found, deployment, load, layouts, loads, (len(loads),))
    return found


def decoders() -> list[str]:
    return [name for name in sorted(catalogue_names()) if load_model(name).architecture.task == "decoder"]


def random_cells(seed: int, wanted: int, names: Sequence[str], *, layouts: int = 6) -> Iterator[Compared]:
    """Questions of each model in turn until so many cells are compared."""
    draw, count = random.Random(seed), 0
    while count < wanted:
        for name in draw.sample(names, len(names)):
            found = random_question(name, draw, layouts)
            count += found.cells
            yield found
            if count >= wanted:
                return


def random_question(name: str, draw: random.Random, layouts: int) -> Compared:
    """A model under an engine that is drawn, its layouts for one load and for several, or several accelerators."""
    engine, accelerator = draw.choice(ENGINES), get_accelerator(draw.choice(ACCELERATORS + OTHERS))
    if draw.random() < 0.3:
        asked = beside(name, engine, accelerator, draw)
        if asked is None or (some := offered(asked[0], draw, layouts)) is None:
            return Compared()
        return compared_beside(*asked, some)
    deployment = served(name, engine, accelerator, draw)
    if deployment is None or (some := offered(deployment, draw, layouts)) is None:
        return Compared()
    match draw.choice(("layouts", "layouts", "loads", "fleet")):
        case "loads":
            return compared_loads(deployment, [drawn_load(draw) for _ in range(3)], some)
        case "fleet":
            every = (_on(deployment, get_accelerator(one)) for one in ACCELERATORS + OTHERS)
            return compared_fleet([one for one in every if one is not None], drawn_load(draw), max(1, layouts // 2))
    return compared(deployment, drawn_load(draw), some)


def _on(deployment: Deployment, accelerator: Accelerator) -> Deployment | None:
    """The same on another accelerator, where its engine serves there."""
    if not serves(deployment.engine.name, device_of(accelerator)):
        return None
    there = deployment.on(accelerator, deployment.devices)
    try:
        return there if cells.offer_of(there, 200).members else None
    except LayoutError:
        return None


def winner_alone(deployment: Deployment, load: Load, goal: str) -> Parallelism | None:
    """The best of the layouts that hold the load, by a loop over scalar estimates."""
    found = None
    clock = Clock()
    for layout in cells.offer_of(deployment, load.sequences).members:
        alone = deployment.laid_out(layout)
        verdict = verdict_of(alone, load)
        if not verdict.fits:
            continue
        ttft, tpot = prefill_time(alone, load, clock).total, decode_time(alone, load, clock).total
        row = cells.row_of(layout, load, ttft, tpot, verdict.used_share)
        rounded = tuple(float(f"{value:.8e}") for value in cells.scores(goal, row))
        order = (*rounded, layout.devices, layout.tensor, layout.pipeline)
        if found is None or order < found[0]:
            found = order, layout
    return None if found is None else found[1]


def winners(devices: Sequence[int], names: Sequence[str], goals: Sequence[str]) -> Compared:
    """The layouts that searches find beside those of `winner_alone`."""
    found = Compared()
    for name in names:
        for hardware in ACCELERATORS:
            for count in devices:
                deployment = served(name, ENGINES[0], get_accelerator(hardware), random.Random(0))
                assert deployment is not None
                model = deployment.model
                deployment = replace(deployment, formats=model.formats(None, None), devices=count)
                load, goal = Load(sequences=count, tokens=2000, output=256), goals[found.cells % len(goals)]
                try:
                    alone = winner_alone(deployment, load, goal)
                except LayoutError:
                    continue
                if alone is None:
                    continue
                best = best_layouts(deployment, load, goal=goal).best.deployment.layout
                found.cells += 1
                if best != alone:
                    found.unlike.append(f"{deployment} for {goal}: {best}, alone {alone}")
    return found


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("what", choices=("cells", "winners"))
    told.add_argument("--cells", type=int, default=10_000)
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--every", type=int, default=1, help="each how many-th decoder the winners are looked for of")
    given = told.parse_args()
    found = Compared()
    if given.what == "winners":
        goals = ("throughput", "latency", "decode", "prefill")
        found = winners((8, 16, 64), decoders()[:: given.every], goals)
    else:
        for one in random_cells(given.seed, given.cells, sorted(catalogue_names())):
            found.take(one)
    print(f"{found.cells:,} compared, {len(found.unlike):,} unlike; times at most {found.worst:.1e} apart")
    print(", ".join(f"{name} {count:,}" for name, count in found.engines.most_common()))
    for why, count in found.apart.most_common():
        print(f"{count:,} questions not by arrays: {why}")
    for line in found.unlike[:20]:
        print(line)
    if found.unlike:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
