"""Layouts side by side on arrays give what each gives alone: the ledger to the byte, times to the last digits."""

import random
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import pytest

from llm_memory_calculator import best_parallelism, load_model, plan_deployment
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for, serves
from llm_memory_calculator.errors import DoesNotFitError, LayoutError
from llm_memory_calculator.memory import verdict_of
from llm_memory_calculator.parallel import Parallelism, most_groups, problem, side_by_side
from llm_memory_calculator.performance.collectives import sum_law
from llm_memory_calculator.performance.machine import machine_of
from llm_memory_calculator.performance.steady import steady_state
from llm_memory_calculator.search import best_layouts, cells, fewest_in_node, try_accelerators
from llm_memory_calculator.search.cells import scores
from llm_memory_calculator.search.fleet import together
from llm_memory_calculator.sources import catalogue_names
from llm_memory_calculator.stacks import UnlikeError, stacked
from llm_memory_hardware import accelerators_for_serving, all_accelerators, get_accelerator

ACCELERATORS = ("H100", "A100_80GB", "B200", "MI300X", "L40S", "TPU v5e")
ENGINES = ("vllm", "vllm", "vllm", "sglang", "tensorrt_llm")
# latent, windowed, sparse, recurrent, of unlike layers, with towers: each in every run
ALWAYS = (
    "meta-llama/Llama-3.1-70B",
    "deepseek-ai/DeepSeek-V3",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
    "openai/gpt-oss-20b",
    "google/gemma-3-27b-it",
    "Deci/DeciLM-7B",
)
MODELS = sorted(catalogue_names())
BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def drawn(name: str, draw: random.Random) -> tuple[Deployment, Load] | None:
    model, accelerator = load_model(name), get_accelerator(draw.choice(ACCELERATORS))
    if model.architecture.task != "decoder":
        return None
    device = device_of(accelerator)
    engine = draw.choice(ENGINES) if device.runtime == "cuda" else "vllm"
    deployment = Deployment(
        model=model,
        formats=model.formats("bf16", None),
        engine=engine_for(engine, device=device),
        layout=Parallelism(),
        accelerator=accelerator,
        devices=draw.choice([2, 4, 8, 8, 16]),
    )
    load = Load(
        sequences=draw.choice([1, 3, 16, 64, 200]),
        tokens=draw.choice([1, 100, 2048, 9000]),
        output=draw.choice([1, 2, 256]),
    )
    return deployment, load


@pytest.fixture
def equality(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script that compares arrays with scalars."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("equality")


@pytest.mark.parametrize(("seed", "names", "cells"), [(1, ALWAYS, 200), (2, MODELS, 250)])
def test_arrays_say_what_scalars_say(equality: Any, seed: int, names: Sequence[str], cells: int) -> None:
    found = equality.Compared()
    for one in equality.random_cells(seed, cells, names, layouts=3):
        found.take(one)
    assert found.cells >= cells
    assert not found.unlike, found.unlike[:3]
    assert len(found.engines) >= 12
    # of what is left to the host times are asked layout by layout, and without a cache how many sequences there are
    assert all(why.endswith(("times", "what keeps no cache")) for why in found.apart), found.apart


@pytest.mark.parametrize("name", ["meta-llama/Llama-3.1-70B", "Qwen/Qwen3-30B-A3B"])
def test_a_search_finds_what_a_loop_over_scalars_finds(equality: Any, name: str) -> None:
    found = equality.winners((8, 16), [name], ("throughput", "latency", "decode", "prefill"))
    assert found.cells >= 8
    assert not found.unlike, found.unlike[:3]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("meta-llama/Llama-3.1-8B", {"engine": "llama_cpp", "hardware": ["RTX 4090"], "precision": "q4_k_m"}),
        (
            "Qwen/Qwen3-30B-A3B",
            {
                "engine": "llama_cpp",
                "hardware": ["RTX 4090"],
                "precision": "q4_k_m",
                "engine_settings": {"n_cpu_moe": 8},
            },
        ),
    ],
)
def test_a_plan_is_found_where_times_are_asked_layout_by_layout(name: str, asked: dict[str, Any]) -> None:
    report = plan_deployment(name, concurrency=4, input_tokens=500, output_tokens=100, tpot_target_ms=100, **asked)
    assert report.plans
    assert not any("could not be searched" in note.text for note in report.notes)


def test_a_layout_that_cannot_be_timed_ends_no_search() -> None:
    # the catalogue knows no link between sockets of SN40L, and copies need none
    report = best_parallelism("meta-llama/Llama-3.1-8B", "SN40L", devices=8, batch_size=8)
    assert (report.best.tensor_parallel, report.best.data_parallel) == (1, 8)
    assert any("no link" in note.text for note in report.notes)


def test_layouts_that_are_as_good_take_fewer_devices() -> None:
    # one prompt of one sequence is as quick on each of several copies as on one
    report = best_parallelism("Qwen/Qwen3-0.6B", "H100", devices=8, batch_size=1, goal="prefill")
    assert report.best.devices == report.best.tensor_parallel * report.best.pipeline_parallel


def test_what_is_offered_is_what_the_model_and_the_links_allow() -> None:
    found = drawn("Qwen/Qwen3-30B-A3B", random.Random(1))
    assert found is not None
    deployment = replace(found[0], accelerator=get_accelerator("SN40L"), devices=8)
    offer = cells.offer_of(deployment, 64)
    assert offer.untimed
    for layout, error in offer.untimed:
        assert problem(deployment.architecture, layout) is None
        assert most_groups(deployment.architecture)
        with pytest.raises(LayoutError, match="no link"):
            sum_law(machine_of(deployment), layout, experts=layout.tensor == 1)
        assert "SN40L" in str(error)


def test_a_stack_keeps_what_all_have_and_refuses_what_differs_in_more_than_numbers() -> None:
    sizes = stacked([Parallelism(tensor=2, data=4), Parallelism(tensor=2, data=8)])
    assert sizes.tensor == 2
    assert sizes.data.tolist() == [4.0, 8.0]  # type: ignore[attr-defined]
    with pytest.raises(UnlikeError):
        stacked(["a", "b"])
    with pytest.raises(UnlikeError):
        stacked([(1, 2), (1,)])


@pytest.mark.parametrize(
    ("engine", "name", "kv_cache"),
    [
        ("vllm", "Qwen/Qwen3-30B-A3B", "fp8"),
        ("vllm", "deepseek-ai/DeepSeek-V3", None),
        ("sglang", "meta-llama/Llama-3.1-70B", None),
        ("llama_cpp", "google/gemma-3-27b-it", None),
        ("lmdeploy", "meta-llama/Llama-3.1-70B", None),
    ],
)
def test_every_card_of_the_catalogue_holds_side_by_side_what_it_holds_alone(
    engine: str, name: str, kv_cache: str | None
) -> None:
    model = load_model(name)
    load = Load(sequences=16, tokens=2000, output=256)
    plain = Deployment(
        model=model, formats=model.formats(None, kv_cache), engine=engine_for(engine), layout=Parallelism()
    )
    cards = [one for one in all_accelerators() if serves(engine, device_of(one))]
    layouts = side_by_side([Parallelism(), Parallelism(tensor=2), Parallelism(pipeline=2)], column=True)
    fleets, alone = together([plain.on(one, 2) for one in cards], timed=False)
    assert not alone
    for fleet in fleets:
        there = fleet.held(load, layouts)
        for column, one in enumerate(fleet.deployments):
            verdicts = [verdict_of(one.laid_out(layout), load) for layout in layouts.members]
            assert there.needs[:, column].tolist() == [verdict.need.total for verdict in verdicts], one.device
            assert there.margins[:, column].tolist() == [verdict.margin_bytes for verdict in verdicts], one.device


@pytest.mark.parametrize(("name", "devices"), [("meta-llama/Llama-3.1-70B", 8), ("Qwen/Qwen3-30B-A3B", None)])
def test_accelerators_side_by_side_are_as_each_alone(name: str, devices: int | None) -> None:
    load = Load(sequences=16, tokens=3000, output=200)
    model = load_model(name)
    offered = []
    for accelerator in accelerators_for_serving():
        engine = engine_for(device=device_of(accelerator))
        offered.append(
            Deployment(
                model=model,
                formats=model.formats(None, None),
                engine=engine,
                layout=Parallelism(),
                accelerator=accelerator,
                devices=devices,
            )
        )
    for tried in try_accelerators(offered, load, "throughput", worst=False):
        try:
            alone = best_layouts(tried.deployment, load, goal="throughput", advise=False).best
        except (DoesNotFitError, LayoutError):
            assert not tried.holds, str(tried.deployment)
            continue
        assert tried.holds, str(tried.deployment)
        assert tried.best is not None, str(tried.deployment)
        assert tried.best.layout == alone.deployment.layout
        assert tried.fits == bool(alone.verdict.fits)
        share = alone.deployment.layout.devices if devices is None else 1
        assert tried.score == pytest.approx(scores("throughput", alone.row, share), rel=1e-12)
        if devices is None:
            fewest = fewest_in_node(tried.deployment, load)
            held = tried.deployment.devices
            assert held == (tried.deployment.accelerator.link_domain if fewest is None else fewest.layout.tensor)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["meta-llama/Llama-3.1-70B", "deepseek-ai/DeepSeek-V3"])
def test_steady_states_side_by_side_are_as_each_alone(name: str) -> None:
    model, accelerator = load_model(name), get_accelerator("H200")
    engine = engine_for(device=device_of(accelerator))
    deployment = Deployment(
        model=model, formats=model.formats(None, None), engine=engine, layout=Parallelism(), accelerator=accelerator
    )
    layouts = [Parallelism(tensor=tensor, pipeline=pipeline) for tensor in (1, 4, 8) for pipeline in (1, 2)]
    users = numpy.array([1.0, 6.0, 64.0, 400.0])[:, None]
    together = steady_state(deployment.laid_out(side_by_side(layouts)), users=users, tokens=1000.0, output=300.0)
    for row, count in enumerate(users[:, 0].tolist()):
        for column, layout in enumerate(layouts):
            alone = steady_state(deployment.laid_out(layout), users=count, tokens=1000.0, output=300.0)
            for number in ("decoding", "tpot", "wait", "rate"):
                found = numpy.broadcast_to(getattr(together, number), (4, len(layouts)))[row, column]
                assert found == pytest.approx(getattr(alone, number), rel=1e-12), (str(layout), count, number)
