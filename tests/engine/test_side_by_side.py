"""Layouts side by side on arrays give what each gives alone: the ledger to the byte, times to the last digits."""

import random
from dataclasses import replace

import numpy
import pytest

from llm_memory_calculator import best_parallelism, load_model
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.errors import DoesNotFitError, LayoutError
from llm_memory_calculator.memory import verdict_of
from llm_memory_calculator.parallel import Parallelism, most_groups, problem, side_by_side
from llm_memory_calculator.performance.collectives import sum_law
from llm_memory_calculator.performance.machine import machine_of
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.performance.steady import steady_state
from llm_memory_calculator.performance.step import Clock
from llm_memory_calculator.search import best_layouts, cells, fewest_in_node, try_accelerators
from llm_memory_calculator.search.cells import score
from llm_memory_calculator.sources import catalogue_names
from llm_memory_calculator.stacks import UnlikeError, stacked
from llm_memory_hardware import accelerators_for_serving, get_accelerator

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
DECODERS = sorted(catalogue_names())


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


@pytest.mark.parametrize("seed", range(4))
def test_layouts_side_by_side_are_as_each_alone(seed: int) -> None:
    draw = random.Random(seed)
    names = [*draw.sample(ALWAYS, 3), *draw.sample(DECODERS, 5)]
    for deployment, load in filter(None, (drawn(name, draw) for name in names)):
        offered = cells.offer_of(deployment, load.sequences).layouts
        assert offered is not None
        held, times = cells.held(deployment, load, offered), cells.times(deployment, load, offered)
        clock = Clock()
        for index, layout in enumerate(offered.members):
            alone = deployment.laid_out(layout)
            verdict = verdict_of(alone, load)
            assert held.needs[index] == verdict.need.total, str(alone)
            assert held.margins[index] == verdict.margin_bytes
            assert held.possible[index] == verdict.possible
            expected = prefill_time(alone, load, clock).total, decode_time(alone, load, clock).total
            assert (times[0][index], times[1][index]) == pytest.approx(expected, rel=1e-12), str(alone)


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
    for tried in try_accelerators(offered, load, "throughput"):
        try:
            alone = best_layouts(tried.deployment, load, goal="throughput", advise=False).best
        except (DoesNotFitError, LayoutError):
            assert tried.best is None, str(tried.deployment)
            continue
        assert tried.best is not None, str(tried.deployment)
        assert tried.best.layout == alone.deployment.layout
        assert tried.fits == bool(alone.verdict.fits)
        assert tried.score == pytest.approx(score(alone.row, "throughput", devices is None), rel=1e-12)
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
