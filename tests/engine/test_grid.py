"""Formats, accelerators, layouts, batches and lengths at once: equal to the scalar estimate, cell by cell."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import numpy
import pytest

from llm_memory_calculator import ArgumentError, GridRow, estimate_performance, search_grid
from llm_memory_calculator.api import load_model
from llm_memory_calculator.arguments import SearchGrid
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.memory import verdict_of
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.question import deployed
from llm_memory_calculator.search.front import Best, Front, unbeaten
from llm_memory_calculator.search.mesh import Axes, answered, mesh_of
from llm_memory_hardware import get_accelerator

# dense, windowed, a mixture, latent attention with a mixture, a hybrid
MODELS = [
    "meta-llama/Llama-3.1-8B",
    "google/gemma-2-9b",
    "Qwen/Qwen3-30B-A3B",
    "deepseek-ai/DeepSeek-V2-Lite",
    "ibm-granite/granite-4.0-h-tiny",
]
PRECISIONS = [None, "int4", "int4", None, "int4"]
CARDS = ["H100", "A100_40GB", "MI300X", "TPUv5e", "M4 Max 64GB"]
AXES = Axes(batches=(1, 3, 200), inputs=(100, 9000), outputs=(1, 300))


def offered(name: str, precision: str | None, cards: Sequence[str] = CARDS, devices: int = 4) -> list[Deployment]:
    model = load_model(name)
    accelerators = [get_accelerator(card) for card in cards]
    return [
        deployed(SearchGrid(model=model, precision=precision), model, accelerator=one, devices=devices)
        for one in accelerators
    ]


@pytest.mark.parametrize(("name", "precision"), list(zip(MODELS, PRECISIONS, strict=True)))
def test_a_cell_is_what_the_scalar_estimate_says(name: str, precision: str | None) -> None:
    mesh, tried = mesh_of(offered(name, precision), AXES), 0
    dice = random.Random(f"{name} {precision}")
    for cells in answered(mesh, lambda _: True):
        plane, shape = cells.plane, cells.wanted.shape
        for index in dice.sample(range(cells.wanted.size), 2):
            batch, _, _, layout, machine = numpy.unravel_index(index, shape)
            if not plane.offered[batch, layout, machine]:
                continue
            deployment, load = plane.at(index)
            verdict = verdict_of(deployment, load)
            assert cells.needs.flat[index] == verdict.need.total
            assert cells.margins.flat[index] == verdict.margin_bytes
            assert bool(cells.wanted.flat[index]) == bool(verdict.fits)
            if cells.wanted.flat[index]:
                ttft, tpot = (numpy.broadcast_to(one, shape).flat[index] for one in (cells.ttft, cells.tpot))
                assert ttft == pytest.approx(prefill_time(deployment, load).total, rel=1e-12)
                assert tpot == pytest.approx(decode_time(deployment, load).total, rel=1e-12)
                tried += 1
    assert tried > 20


def test_every_layout_batch_and_length_is_a_candidate_once() -> None:
    mesh = mesh_of(offered("meta-llama/Llama-3.1-8B", None, ["H100", "A100_40GB"]), AXES)
    seen = set()
    for plane in mesh.planes:
        for index in numpy.flatnonzero(numpy.broadcast_to(plane.asked, plane.shape)).tolist():
            deployment, load = plane.at(index)
            key = (deployment.device, deployment.layout, load.sequences, load.tokens, load.output)
            assert key not in seen
            seen.add(key)
    assert len(seen) == mesh.count
    # tensor 1 with one to four stages, 2 with one or two, 4 with one; copies with what remains
    assert mesh.count == 2 * 7 * len(AXES.batches) * len(AXES.inputs) * len(AXES.outputs)


ASKED: dict[str, Any] = {
    "hardware": ["H100", "MI300X", "L40S"],
    "batch_sizes": [1, 5, 32],
    "input_tokens": [700, 3000],
    "output_tokens": [64, 256],
    "precisions": "fp8",
    "devices": 4,
}


@pytest.mark.parametrize("rank_by", ["worst", "estimate"])
@pytest.mark.parametrize("goal", ["throughput", "latency", "decode", "prefill", "cost"])
def test_the_best_are_answered_to_the_last_digit_as_any_other_question(goal: str, rank_by: str) -> None:
    report = search_grid("Qwen/Qwen3-30B-A3B", goal=goal, rank_by=rank_by, top=3, **ASKED)
    assert (len(report.rows), report.rank_by) == (3, rank_by)
    for row in report.rows:
        assert_told(row)
    every = search_grid("Qwen/Qwen3-30B-A3B", goal=goal, rank_by=rank_by, top=20, **ASKED).rows
    values = [ranked(row, goal, worst=rank_by == "worst") for row in every]
    assert values == pytest.approx(sorted(values), rel=1e-8)
    assert report.rows == every[:3]


def ranked(row: GridRow, goal: str, *, worst: bool) -> float:
    ttft, tpot = (row.ttft_high_ms, row.tpot_high_ms) if worst else (row.ttft_ms, row.tpot_ms)
    milliseconds = ttft + tpot * (row.output_tokens - 1)
    rate = row.batch_size * row.output_tokens / milliseconds * 1e3
    return {
        "throughput": -rate,
        "latency": tpot,
        "decode": tpot / row.batch_size,
        "prefill": ttft / row.batch_size / row.input_tokens,
        "cost": (row.usd_per_hour or numpy.inf) / rate,
    }[goal]


@pytest.mark.parametrize("settings", [{}, {"enforce_eager": True}])
def test_the_worse_ends_are_those_of_the_estimate(settings: dict[str, Any]) -> None:
    asked = {**ASKED, "hardware": ["H100", "B200"], "engine": "vllm", "engine_settings": settings}
    report = search_grid("Qwen/Qwen3-30B-A3B", goal="latency", top=100, **asked)
    values = [row.tpot_high_ms for row in report.rows]
    assert values == pytest.approx(sorted(values), rel=1e-8)
    for row in report.rows[:2]:
        told = estimated(row, engine="vllm", engine_settings=settings)
        assert row.ttft_high_ms == pytest.approx(told.ttft_interval_ms.high, rel=1e-12)
        assert row.tpot_high_ms == pytest.approx(told.tpot_interval_ms.high, rel=1e-12)


def assert_told(row: GridRow, rel: float = 0.0) -> None:
    asked = estimated(row)
    for name in ("ttft_ms", "tpot_ms", "output_tokens_per_s"):
        assert getattr(row, name) == pytest.approx(getattr(asked, name), rel=rel, abs=0)


def estimated(row: GridRow, **settings: Any) -> Any:
    return estimate_performance(
        "Qwen/Qwen3-30B-A3B",
        row.hardware,
        precision=row.precision,
        tensor_parallel=row.tensor_parallel,
        pipeline_parallel=row.pipeline_parallel,
        data_parallel=row.data_parallel,
        expert_parallel=row.expert_parallel,
        batch_size=row.batch_size,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        **settings,
    )


def test_nothing_of_the_same_lengths_beats_the_front() -> None:
    report = search_grid("Qwen/Qwen3-30B-A3B", top=1000, **ASKED)
    every = {lengths: [] for lengths in itertools.product(ASKED["input_tokens"], ASKED["output_tokens"])}
    assert report.fitting < 1000
    assert len(report.rows) == report.fitting
    for row in report.rows:
        every[row.input_tokens, row.output_tokens].append(row)
    wanted = [one for same in every.values() for one in same if not any(beats(other, one) for other in same)]
    assert sorted(map(key, report.front)) == sorted(map(key, wanted))
    assert 4 < len(report.front) < report.fitting / 2
    for row in report.front[:3]:
        assert_told(row, rel=1e-12)


def beats(one: GridRow, other: GridRow) -> bool:
    ours, theirs = ((row.tpot_ms, -row.output_tokens_per_s, row.usd_per_hour or numpy.inf) for row in (one, other))
    return ours != theirs and all(
        left <= right * (1 + 1e-13 * (right > 0)) for left, right in zip(ours, theirs, strict=True)
    )


def key(row: GridRow) -> tuple[Any, ...]:
    layout = row.tensor_parallel, row.pipeline_parallel, row.data_parallel, row.expert_parallel
    return row.hardware, row.precision, *layout, row.batch_size, row.input_tokens, row.output_tokens


def test_a_front_of_random_points_is_what_pairs_say() -> None:
    dice = numpy.random.default_rng(0)
    shape = 5, 40, 3
    latency, rate = dice.integers(1, 30, shape).astype(float), dice.integers(1, 30, shape).astype(float)
    cost, group = dice.integers(1, 4, (5, 1, 1)).astype(float), numpy.arange(3)
    wanted = dice.random(shape) > 0.2
    running = Front(3, numpy.unique(cost), told=0)
    for number in range(5):
        part = slice(number, number + 1)
        running.add(number, wanted[part], latency[part], rate[part], cost[part], group)
    chunks, where, *_ = running.found()
    found = {(chunk, *numpy.unravel_index(index, shape[1:])) for chunk, index in zip(chunks, where, strict=True)}
    points = [tuple(map(int, place)) for place in numpy.argwhere(wanted)]
    figures = {place: (latency[place], -rate[place], cost[place[0], 0, 0]) for place in points}
    for place in points:
        same = [other for other in points if other[2] == place[2] and other != place]
        beaten = any(
            figures[other] != figures[place]
            and all(left <= right for left, right in zip(figures[other], figures[place], strict=True))
            for other in same
        )
        twins = {other for other in same if figures[other] == figures[place]}
        assert beaten == (not ({place} | twins) & found)


def test_a_front_without_cost_rises_in_both() -> None:
    latency, rate = numpy.array([3.0, 1.0, 2.0, 2.0, 4.0]), numpy.array([5.0, 1.0, 4.0, 3.0, 5.0])
    same = numpy.zeros(5)
    assert unbeaten(latency, rate, same, same).tolist() == [1, 2, 0]


def test_the_best_of_chunks_are_the_best_of_all() -> None:
    dice = numpy.random.default_rng(1)
    scores, ties = dice.integers(1, 50, (7, 300)).astype(float), dice.integers(0, 9, (7, 300))
    wanted = dice.random((7, 300)) > 0.5
    running = Best(20, ties=1)
    for number in range(7):
        running.add(number, wanted[number], scores[number], ties[number])
    places = sorted((scores[place], ties[place]) for place in map(tuple, numpy.argwhere(wanted)))
    assert [(scores[place], ties[place]) for place in running.found()] == places[:20]


def test_a_search_goes_on_until_it_is_told_to_stop() -> None:
    done: list[tuple[int, int]] = []
    report = search_grid(
        "meta-llama/Llama-3.1-8B",
        hardware=["H100", "L4", "MI300X"],
        progress=lambda count, of: done.append((count, of)),
        cancelled=lambda: len(done) > 2,
    )
    assert [count for count, _ in done] == sorted(count for count, _ in done)
    assert 0 < report.answered < report.candidates
    assert report.rows


def test_where_nothing_fits_the_nearest_is_told() -> None:
    report = search_grid("deepseek-ai/DeepSeek-V3", hardware="L4")
    assert (report.fitting, report.rows, len(report.front)) == (0, (), 0)
    assert any("lacks" in note.text for note in report.notes)
    assert "0 fit" in str(report)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"batch_sizes": []}, "batch_sizes"),
        ({"batch_sizes": [0]}, "batch_sizes"),
        ({"input_tokens": "many"}, "input_tokens"),
        ({"goal": "best"}, "goal"),
        ({"precision": "fp8", "precisions": ["int4"]}, "precisions"),
        ({"hardware": []}, "hardware"),
    ],
)
def test_what_is_no_grid_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        search_grid("meta-llama/Llama-3.1-8B", **asked)
