"""Experts that copies of the attention share: what vLLM does with --enable-expert-parallel beside data parallelism."""

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import (
    LayoutError,
    best_parallelism,
    calculate_memory,
    estimate_performance,
    get_minimum_system_size,
    load_model,
)
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.operators import Step
from llm_memory_calculator.parallel import Parallelism, most_groups, problem, sharing_layouts
from llm_memory_calculator.performance.step import Clock, step_time
from llm_memory_calculator.search import layouts_of
from llm_memory_hardware import get_accelerator

GIB = 2**30
MIXTURES = [
    "deepseek-ai/DeepSeek-V3",
    "moonshotai/Kimi-K2-Instruct",
    "Qwen/Qwen3-235B-A22B-FP8",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8",
    "MiniMaxAI/MiniMax-M2",
    "openai/gpt-oss-120b",
    "Qwen/Qwen1.5-MoE-A2.7B",
]


def split(tensor: int, data: int, expert: int) -> dict[str, int]:
    return {"tensor_parallel": tensor, "data_parallel": data, "expert_parallel": expert}


def deployed(name: str, layout: Parallelism) -> Deployment:
    model = load_model(name)
    return Deployment(
        model=model,
        formats=model.formats(None, None),
        engine=engine_for(),
        layout=layout,
        accelerator=get_accelerator("H200"),
    )


@pytest.mark.parametrize(
    ("model", "layout", "gib"),
    [
        # "Model loading took 5.44 GiB": vLLM 0.1.dev16220, 8 x H100, data_parallel_size=8, enable_expert_parallel
        # (find_string id 51954036448)
        ("Qwen/Qwen3-30B-A3B-FP8", split(1, 8, 8), 5.44),
        # "27.72 GiB for weight": vLLM 0.10.2, 8 x L40S. The page's title says TP4, its log tensor_parallel_size=8,
        # data_parallel_size=1 and Worker_TP7_EP7 (find_string id 38962983769)
        ("Qwen/Qwen3-235B-A22B-FP8", split(8, 1, 8), 27.72),
        # vLLM 0.26.0, 4 x B200 (find_string id 61511710941)
        ("nvidia/GLM-5.2-NVFP4", split(4, 1, 4), 106.69),
    ],
)
def test_weights_of_a_rank_are_what_vllm_loaded(model: str, layout: dict[str, int], gib: float) -> None:
    assert calculate_memory(model, **layout).weight_memory_bytes == pytest.approx(gib * GIB, rel=0.015)


def test_copies_of_a_latent_cache_hold_as_many_times_the_sequences() -> None:
    # vllm-project/recipes#762: DeepSeek-V4-Flash on 8 x B200, DP8 EP8 has 7.7 times the KV capacity of TP8 EP8
    asked = {"hardware": "B200", "seq_length": 2**20, "kv_precision": "fp8", "gpu_memory_utilization": 0.95}
    copies, one = (
        calculate_memory("deepseek-ai/DeepSeek-V4-Flash", **asked, **layout).startup
        for layout in (split(1, 8, 8), split(8, 1, 8))
    )
    assert copies is not None
    assert one is not None
    assert 8 * copies.cache_room_bytes / one.cache_room_bytes == pytest.approx(7.7, rel=0.03)


@pytest.mark.parametrize(
    ("model", "layers", "experts", "hidden", "width", "layout"),
    [
        # by the published configs
        ("deepseek-ai/DeepSeek-V3", 58, 256, 7168, 2048, Parallelism(tensor=1, data=8, expert=8)),
        ("deepseek-ai/DeepSeek-V3", 58, 256, 7168, 2048, Parallelism(tensor=8, data=2, expert=16)),
        ("moonshotai/Kimi-K2-Instruct", 60, 384, 7168, 2048, Parallelism(tensor=1, data=16, expert=16)),
        ("Qwen/Qwen3-235B-A22B-FP8", 94, 128, 4096, 1536, Parallelism(tensor=4, data=2, expert=8)),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", 62, 160, 6144, 2560, Parallelism(tensor=4, data=2, expert=8)),
        ("MiniMaxAI/MiniMax-M2", 62, 256, 3072, 1536, Parallelism(tensor=4, data=2, expert=8)),
    ],
)
def test_a_rank_has_its_part_of_the_experts_and_of_the_rest_what_its_copy_gives_it(
    model: str, layers: int, experts: int, hidden: int, width: int, layout: Parallelism
) -> None:
    whole = load_model(model).architecture
    rank = whole.shard(layout.tensor, layout.expert, layout.pooled).parameter_count
    of_one = layers * 3 * hidden * width
    rest = whole.shard(layout.tensor).parameter_count - experts * of_one // layout.tensor
    assert rank == rest + experts // layout.expert * of_one


@given(
    name=st.sampled_from(MIXTURES),
    tensor=st.sampled_from([1, 2, 4, 8]),
    data=st.integers(1, 16),
    groups=st.integers(1, 64),
)
def test_the_experts_of_all_ranks_are_those_of_the_model(name: str, tensor: int, data: int, groups: int) -> None:
    architecture = load_model(name).architecture
    layout = Parallelism(tensor=tensor, data=data, expert=groups)
    if problem(architecture, layout) is not None:
        assert tensor * layout.pooled % groups or tensor * layout.pooled // groups > 1
        return
    rank = architecture.shard(tensor, groups, layout.pooled)
    for whole, part in zip(architecture.stack, rank.stack, strict=True):
        for operator, own in zip(whole.operators, part.operators, strict=True):
            if not operator.expert_count:
                assert own == operator.shard(tensor, 1)
                continue
            wide = tensor * layout.pooled // groups
            held = -(-operator.expert_count // groups)
            matrices = {weight.name: weight for weight in operator.weights() if weight.columns > 1}
            for weight in own.weights():
                if weight.columns > 1:
                    assert weight.copies == held
                    assert weight.size * wide * operator.expert_count == matrices[weight.name].size * held


@given(
    name=st.sampled_from(MIXTURES[:6]),
    tensor=st.sampled_from([1, 2, 4]),
    data=st.sampled_from([2, 4, 8]),
    batch=st.integers(1, 64),
    query=st.sampled_from([1, 500]),
)
def test_copies_that_share_do_the_work_of_one_copy_with_all_their_sequences(
    name: str, tensor: int, data: int, batch: int, query: int
) -> None:
    ranks = tensor * data
    if ranks > 8 or problem(load_model(name).architecture, Parallelism(tensor=ranks, expert=ranks)):
        return
    shared = Parallelism(tensor=tensor, data=data, expert=ranks)
    alone = Parallelism(tensor=tensor, data=data)
    of_shared, of_alone = (
        step_time(deployed(name, layout), Step(batch=batch, query=query, context=1000), Clock())
        for layout in (shared, alone)
    )
    assert of_shared.spent.flops == pytest.approx(of_alone.spent.flops)
    # each rank reads fewer experts, and exchanges tokens for it
    assert of_shared.spent.bytes <= of_alone.spent.bytes * (1 + 1e-9)
    assert of_shared.spent.of("collective") > of_alone.spent.of("collective")
    one = step_time(
        deployed(name, Parallelism(tensor=ranks, expert=ranks)),
        Step(batch=data * batch, query=query, context=1000),
        Clock(),
    )
    assert of_shared.spent.of("experts") == pytest.approx(one.spent.of("experts"))


def test_experts_beyond_a_node_are_exchanged_over_the_network_and_it_is_said() -> None:
    asked = {"batch_size": 512, "input_tokens": 2000, "output_tokens": 100, "tensor_parallel": 1}
    near = estimate_performance("deepseek-ai/DeepSeek-V3", "GB200", data_parallel=16, expert_parallel=16, **asked)
    far = estimate_performance("deepseek-ai/DeepSeek-V3", "B200", data_parallel=16, expert_parallel=16, **asked)
    assert far.ttft_ms > near.ttft_ms
    assert any("shared across nodes" in note.text for note in far.notes)
    assert not any("shared across nodes" in note.text for note in near.notes)


def test_copies_whose_tensor_ranks_share_experts_stay_apart() -> None:
    one = calculate_memory("deepseek-ai/DeepSeek-V3", **split(8, 1, 8), batch_size=4)
    two = calculate_memory("deepseek-ai/DeepSeek-V3", **split(8, 2, 8), batch_size=8)
    plain = calculate_memory("deepseek-ai/DeepSeek-V3", **split(8, 2, 1), batch_size=8)
    assert one.total_memory_bytes == two.total_memory_bytes
    assert plain.weight_memory_bytes == pytest.approx(two.weight_memory_bytes, rel=1e-3)


def test_experts_that_do_not_divide_are_counted_on_the_fullest_rank() -> None:
    (held,) = {
        weight.copies
        for layer in load_model("Qwen/Qwen1.5-MoE-A2.7B").architecture.shard(8, 8).stack
        for operator in layer.operators
        if operator.expert_count
        for weight in operator.weights()
    }
    assert held == 8  # of 60: four ranks have 8 and four have 7


def test_the_refusal_names_layouts_that_go() -> None:
    with pytest.raises(LayoutError, match="expert_parallel 8 divides neither tensor_parallel 4 nor") as refused:
        calculate_memory("Qwen/Qwen3-235B-A22B-FP8", tensor_parallel=4, expert_parallel=8)
    offered = "TP8 PP1 DP1 EP8, TP4 PP1 DP2 EP8, TP2 PP1 DP4 EP8, TP1 PP1 DP8 EP8 (8 devices)"
    assert offered in str(refused.value)
    with pytest.raises(LayoutError, match=r"attention heads .*TP2 PP1 DP3 EP6, TP1 PP1 DP6 EP6 \(6 devices\)"):
        calculate_memory("Qwen/Qwen3-235B-A22B-FP8", tensor_parallel=6)


def test_an_expert_is_cut_in_width_only_where_it_divides() -> None:
    halves = calculate_memory("MiniMaxAI/MiniMax-M2", **split(4, 4, 8))
    assert halves.weight_memory_bytes < calculate_memory("MiniMaxAI/MiniMax-M2", **split(4, 2, 8)).weight_memory_bytes
    with pytest.raises(LayoutError, match=r"5 does not divide the experts' intermediate width \(1536\)"):
        calculate_memory("MiniMaxAI/MiniMax-M2", **split(1, 10, 2))


@pytest.mark.parametrize("name", MIXTURES)
def test_a_search_offers_copies_that_share_and_they_go(name: str) -> None:
    architecture = load_model(name).architecture
    offered = list(layouts_of(architecture, 16, 8, 64))
    assert [layout for layout in offered if layout.pooled > 1]
    for layout in (*offered, *sharing_layouts(architecture, 8)):
        assert problem(architecture, layout) is None
        assert layout.expert <= most_groups(architecture)


def test_a_large_batch_of_a_latent_cache_is_served_best_by_copies_that_share() -> None:
    best = best_parallelism("deepseek-ai/DeepSeek-V3", "H200", devices=8, batch_size=256).best
    assert best.data_parallel > 1
    assert best.expert_parallel == best.tensor_parallel * best.data_parallel


@pytest.mark.parametrize("name", ["deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-235B-A22B-FP8"])
@pytest.mark.parametrize("batch", [64, 512])
def test_no_layout_of_fewer_devices_than_the_smallest_system_holds_the_load(name: str, batch: int) -> None:
    asked = {"batch_size": batch, "input_tokens": 20_000}
    devices = get_minimum_system_size(name, system_name="H100", **asked)
    assert best_parallelism(name, "H100", devices=devices, **asked).best.devices == devices
    fewer = best_parallelism(name, "H100", devices=devices - 1, **asked)
    if fewer.best.devices == devices:
        assert f"fits on no layout of {devices - 1} x H100_SXM" in fewer.notes[0].text
        return
    # weights and cache alone would go: it is timed, and said to be short
    assert fewer.fitting == 0
    assert "short by the estimate" in fewer.notes[0].text
