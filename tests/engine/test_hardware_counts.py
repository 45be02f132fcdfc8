"""Counts that stand in a hardware's name, and the domain of a link, as the questions about layouts take them."""

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    LayoutError,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_decode_performance,
    estimate_performance,
    get_best_parallelization_strategy,
    max_batch_size,
)

MODEL = "llama3.1_8b"


@pytest.mark.parametrize("hardware", ["4xH100", "H100:4", "a3-highgpu-4g"])
def test_a_count_in_the_name_is_taken_where_none_was_given(hardware: str) -> None:
    assert calculate_memory(MODEL, hardware=hardware).devices == 4
    assert max_batch_size(MODEL, hardware=hardware).devices == 4
    assert estimate_performance(MODEL, hardware).devices == 4
    assert best_parallelism(MODEL, hardware).devices == 4
    row = get_best_parallelization_strategy("decode", MODEL, system_name=hardware).iloc[0]
    assert row["TP"] * row["PP"] * row["DP"] <= 4


def test_a_count_that_is_given_twice_may_be_the_same() -> None:
    assert best_parallelism(MODEL, "4xH100", devices=4) == best_parallelism(MODEL, "H100", devices=4)
    assert calculate_memory(MODEL, hardware="4xH100", tensor_parallel=2).data_parallel == 2


@pytest.mark.parametrize(
    ("question", "argument"),
    [
        (lambda: calculate_memory(MODEL, hardware="p5.48xlarge", devices=4), "devices"),
        (lambda: max_batch_size(MODEL, hardware="p5.48xlarge", devices=4), "devices"),
        (lambda: estimate_performance(MODEL, "p5.48xlarge", devices=4), "devices"),
        (lambda: best_parallelism(MODEL, "p5.48xlarge", devices=4), "devices"),
        (lambda: compare_hardware(MODEL, ["p5.48xlarge"], devices=4), "devices"),
        (
            lambda: get_best_parallelization_strategy("decode", MODEL, 4, system_name="p5.48xlarge"),
            "total_nodes",
        ),
    ],
)
def test_two_counts_that_differ_are_an_error(question: Any, argument: str) -> None:
    with pytest.raises(
        ArgumentError, match=f"'p5.48xlarge' is 8 x H100_SXM, and {argument} is 4; leave {argument} out"
    ):
        question()


def test_eight_are_tried_where_nothing_says_how_many() -> None:
    assert best_parallelism(MODEL, "H100").devices == 8
    with pytest.raises(ArgumentError, match="devices must be between 1"):
        best_parallelism(MODEL, "H100", devices=0)


def test_a_layout_that_is_given_uses_a_part_of_the_machine_and_says_so() -> None:
    report = estimate_decode_performance(MODEL, system_name="8xH100", tensor_parallel=2)
    assert "'8xH100' names 8 devices, and the layout that was given uses 2" in report.notes[0].text
    same = estimate_decode_performance(MODEL, system_name="2xH100", tensor_parallel=2)
    assert not [note for note in same.notes if note.subject == "system_name"]


def test_each_of_a_comparison_has_its_own_count() -> None:
    report = compare_hardware(MODEL, ["2xH100", "4xMI300X"])
    assert {row.hardware: row.layout.devices for row in report.rows if row.layout} == {"H100_SXM": 2, "MI300X": 4}
    assert report.devices is None
    assert compare_hardware(MODEL, ["2xH100", "2xMI300X"]).devices == 2


def test_tensor_parallelism_reaches_as_far_as_the_link() -> None:
    # four to a tray, seventy-two to a rack
    assert estimate_performance("llama3_70b", "GB200", tensor_parallel=16).devices == 16
    with pytest.raises(LayoutError, match="tensor_parallel 16 exceeds the 8 devices"):
        estimate_performance("llama3_70b", "H100", tensor_parallel=16)
