"""Layouts: an answer for any number of devices, and a reason when there is none."""

from typing import Any

import pytest

from llm_memory_calculator import (
    HARDWARE_CONFIGS,
    DoesNotFitError,
    LayoutError,
    all_accelerators,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    fewest_devices,
    get_best_parallelization_strategy,
    get_minimum_system_size,
    get_various_parallelization,
)
from llm_memory_hardware import accelerators_for_serving

from ..rows import each

COLUMNS = ["micro batch", "TP", "PP", "Latency(ms)", "Tokens/s"]


@each("devices", range(1, 17))
@each("model", ["meta-llama/Llama-2-7b-hf", "Qwen/Qwen2.5-7B", "openai/gpt-oss-20b"])
def test_every_number_of_devices_has_an_answer(model: str, devices: int) -> None:
    report = best_parallelism(model, "A100_80GB", devices=devices, batch_size=16)
    assert 1 <= report.best.devices <= devices
    assert report.fitting <= report.considered


@pytest.mark.parametrize("devices", [100, 1000, 1024, 4096])
@pytest.mark.parametrize("model", ["meta-llama/Llama-2-7b-hf", "deepseek-ai/DeepSeek-V3"])
def test_a_fleet_is_shared_out_too(model: str, devices: int) -> None:
    report = best_parallelism(model, "H200", devices=devices, batch_size=devices)
    copy = report.best.tensor_parallel * report.best.pipeline_parallel
    assert report.best.devices == copy * report.best.data_parallel
    # more copies than a batch has sequences serve nothing, and what no whole copy can use stays idle
    assert devices - copy < report.best.devices <= devices


def test_devices_without_a_link_hold_copies() -> None:
    report = best_parallelism("meta-llama/Llama-3.1-8B", "SN40L", devices=8, batch_size=16)
    assert (report.best.tensor_parallel, report.best.pipeline_parallel, report.best.data_parallel) == (1, 1, 8)
    assert any("SN40L has no link" in note.text for note in report.notes)


def test_best_strategy_has_the_original_s_columns_and_one_row() -> None:
    frame = get_best_parallelization_strategy(
        stage="decode", model="llama2_7b", total_nodes=6, batch_size=8, system_name="A100_80GB"
    )
    assert list(frame.columns)[:5] == COLUMNS
    assert len(frame) == 1
    row = frame.iloc[0]
    assert row["Tokens/s"] == pytest.approx(8 / row["Latency(ms)"] * 1e3)


def test_prefill_stage_counts_prompt_tokens() -> None:
    frame = get_best_parallelization_strategy(
        stage="prefill", model="llama2_7b", total_nodes=1, batch_size=4, input_tokens=2000, system_name="A100_80GB"
    )
    row = frame.iloc[0]
    assert row["Tokens/s"] == pytest.approx(4 * 2000 / row["Latency(ms)"] * 1e3)


def test_splits_are_only_those_that_the_model_can_take() -> None:
    splits = get_various_parallelization("meta-llama/Llama-3.1-70B", total_nodes=8)
    assert (8, 1) in splits
    assert (2, 4) in splits
    assert all(tensor in (1, 2, 4, 8) for tensor, _ in splits)
    assert all(tensor * pipeline <= 8 for tensor, pipeline in splits)


def test_a_split_that_does_not_divide_the_heads_is_refused_with_those_that_do() -> None:
    with pytest.raises(LayoutError, match=r"does not divide the attention heads \(32\).*1, 2, 4, 8"):
        calculate_memory("meta-llama/Llama-2-7b-hf", tensor_parallel=3)


def test_stages_beyond_the_layers_are_refused() -> None:
    with pytest.raises(LayoutError, match="exceeds the model's 32 layers"):
        calculate_memory("meta-llama/Llama-2-7b-hf", pipeline_parallel=33)


def test_smallest_system_leaves_room_for_more_than_weights_and_cache() -> None:
    # weights and KV cache are 150.5 GiB, and two A100 offer 2 x 79.25 x 0.92 = 145.8 GiB
    size = get_minimum_system_size(
        "meta-llama/Llama-2-70b-hf", batch_size=32, input_tokens=2000, output_tokens=256, system_name="A100_80GB"
    )
    assert size > 2


def test_smallest_system_is_not_only_a_power_of_two() -> None:
    sizes = {
        get_minimum_system_size("meta-llama/Llama-3.1-70B", batch_size=batch, system_name="H100")
        for batch in range(1, 200, 20)
    }
    assert any(size & (size - 1) for size in sizes)


def test_where_nothing_fits_it_is_answered_for_the_fewest_devices_that_hold_it() -> None:
    report = best_parallelism("meta-llama/Llama-3.1-70B", "RTX 4090", devices=2)
    fewest = fewest_devices("meta-llama/Llama-3.1-70B", "RTX 4090", seq_length=2304).fewest_devices
    assert report.devices == fewest == report.best.devices
    assert any("fits on no layout of 2 x RTX_4090" in note.text for note in report.notes if note.origin == "warning")


def test_where_no_number_of_devices_holds_it_that_is_said() -> None:
    with pytest.raises(DoesNotFitError, match=r"fits on no layout of 1 x RTX_4090.*[Uu]se a larger accelerator"):
        best_parallelism("meta-llama/Llama-3.1-8B", "RTX 4090", devices=1, batch_size=1, input_tokens=100_000_000)


def test_comparison_ranks_and_puts_what_does_not_fit_last() -> None:
    report = compare_hardware("meta-llama/Llama-3.1-70B", hardware=["T4", "H100", "H200"], devices=2)
    assert [row.fits for row in report.rows] == [True, True, False]
    assert report.rows[0].hardware == "H200"
    assert report.rows[2].reason is not None


def test_comparison_without_a_list_is_of_what_is_rented_and_returns_the_best_few() -> None:
    report = compare_hardware("meta-llama/Llama-3.1-8B")
    rented = accelerators_for_serving()
    assert len(report.rows) == 3
    assert report.compared == len(rented) < len(all_accelerators())
    assert {row.hardware for row in report.rows} <= {accelerator.name for accelerator in rented}
    assert report.notes[0].text.startswith(f"hardware was not given: {len(rented)} of {len(HARDWARE_CONFIGS)}")
    rates = [(row.output_tokens_per_s_interval, row.devices) for row in report.rows]
    speeds = [rate.low / devices for rate, devices in rates if rate is not None and devices is not None]
    assert len(speeds) == 3
    assert speeds == sorted(speeds, reverse=True)


def test_comparison_of_the_whole_catalogue_is_of_those_that_are_named() -> None:
    named = [accelerator.name for accelerator in all_accelerators()]
    report = compare_hardware("meta-llama/Llama-3.1-8B", hardware=named, top=len(named))
    assert report.compared == len(report.rows) == len(named)
    assert not [note for note in report.notes if "hardware was not given" in note.text]
    without_rate = next(row for row in report.rows if row.hardware == "WSE_3")
    assert without_rate.reason is not None
    assert without_rate.reason.startswith("No dense peak rate of WSE_3 is known")


def test_what_would_do_instead_is_told_in_a_comparison_too() -> None:
    (row,) = compare_hardware("meta-llama/Llama-3.1-70B", hardware=["T4"], devices=2).rows
    assert row.reason is not None
    assert "devices would do" in row.reason


def test_speed_without_a_rate_is_an_error_and_memory_is_not() -> None:
    assert calculate_memory("meta-llama/Llama-3.1-8B", hardware="WSE_3").devices == 1
    for model in ("meta-llama/Llama-3.1-8B", "state-spaces/mamba-2.8b-hf"):
        with pytest.raises(LayoutError, match=r"^No dense peak rate of WSE_3 is known, so that its speed cannot be"):
            best_parallelism(model, "WSE_3")


def test_a_layout_is_chosen_and_named_when_none_is_given() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-70B", "H100")
    assert report.tensor_parallel == 2
    assert any("smallest that holds the model" in note.text for note in report.notes)


def test_devices_that_contradict_the_layout_are_refused() -> None:
    with pytest.raises(LayoutError, match="devices 8 is not"):
        estimate_performance("meta-llama/Llama-3.1-70B", "H100", devices=8, tensor_parallel=4, data_parallel=1)


def test_devices_beyond_a_given_split_hold_copies_and_it_is_said() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-70B", "H100", devices=8, tensor_parallel=4)
    assert (report.tensor_parallel, report.data_parallel) == (4, 2)
    assert any("data_parallel 2 was taken" in note.text for note in report.notes)


def test_an_explicit_one_is_a_layout() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-8B", "H100", devices=8, tensor_parallel=1, pipeline_parallel=1)
    assert (report.tensor_parallel, report.pipeline_parallel, report.data_parallel) == (1, 1, 8)
    memory = calculate_memory("meta-llama/Llama-3.1-8B", devices=8, tensor_parallel=1)
    assert (memory.tensor_parallel, memory.data_parallel) == (1, 8)


def test_devices_alone_stay_within_the_node_of_the_hardware() -> None:
    of_four = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039, "devices_per_node": 4}
    assert calculate_memory("meta-llama/Llama-3.1-70B", devices=8, hardware=of_four).tensor_parallel == 4
    # its links go on through the slice, past the four chips of a host
    assert calculate_memory("meta-llama/Llama-3.1-70B", devices=8, hardware="TPU v4").tensor_parallel == 8


def test_what_would_do_is_said_when_no_node_holds_the_model() -> None:
    with pytest.raises(DoesNotFitError, match="devices would do"):
        estimate_performance("meta-llama/Meta-Llama-3.1-405B", "H100")


def test_devices_that_stay_idle_are_said() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-70B", "H100", devices=5, batch_size=8)
    assert report.devices < 5
    assert any("idle" in note.text for note in report.notes)


def test_expert_parallel_ranks_hold_whole_experts() -> None:
    plain = calculate_memory("Qwen/Qwen3-30B-A3B", tensor_parallel=4)
    split = calculate_memory("Qwen/Qwen3-30B-A3B", tensor_parallel=4, expert_parallel=4)
    assert split.weight_memory_bytes == plain.weight_memory_bytes
    with pytest.raises(LayoutError, match="needs a mixture of experts"):
        calculate_memory("meta-llama/Llama-2-7b-hf", tensor_parallel=2, expert_parallel=2)


def test_copies_without_a_sequence_are_said() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-8B", "H100", data_parallel=8, batch_size=3)
    assert any("5 of the 8 copies" in note.text for note in report.notes)


# --- whole layers, as an engine deals them -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "settings", "stages"),
    [
        # llama.cpp's default is a split by layers over every device that it sees (tools/server/README.md, --split-mode)
        ("llama_cpp", None, 4),
        # "Try to pack things into as few GPUs as possible" (ollama, llm/server.go, assignLayers)
        ("ollama", None, 2),
        ("ollama", {"sched_spread": True}, 4),
    ],
)
def test_layers_go_to_the_devices_that_an_engine_takes_by_itself(
    engine: str, settings: dict[str, Any] | None, stages: int
) -> None:
    asked: Any = {"hardware": "4xH100 PCIe", "engine": engine, "engine_settings": settings}
    report = estimate_performance("llama3.1_70b", precision="fp16", input_tokens=2048, output_tokens=256, **asked)
    assert (report.pipeline_parallel, report.devices) == (stages, stages)
    idle = [note for note in report.notes if "the others stay idle" in note.text]
    assert [note.origin for note in idle] == ["assumption"] * (stages < 4)
    if idle:
        assert "2 of 4 devices" in idle[0].text
    served = estimate_performance("llama3.1_70b", precision="fp16", concurrency=4, **asked)
    assert (served.pipeline_parallel, served.devices) == (stages, stages)
    counted = calculate_memory("llama3.1_70b", precision="fp16", **asked)
    assert any("here 2, and leaves the others idle" in note.text for note in counted.notes) == (stages < 4)
