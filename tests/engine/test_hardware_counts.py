"""Counts that stand in a hardware's name, and the domain of a link, as the questions about layouts take them."""

from typing import Any

import pytest

from llm_memory_calculator import (
    AmbiguousHardwareError,
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
    over = estimate_performance("llama3_70b", "H100", tensor_parallel=16)
    assert any("InfiniBand NDR" in note.text and note.subject == "tensor_parallel" for note in over.notes)
    inside = estimate_performance("llama3_70b", "H100", tensor_parallel=8)
    assert over.tpot_ms is not None
    assert inside.tpot_ms is not None
    assert over.tpot_ms > inside.tpot_ms
    with pytest.raises(LayoutError, match="of which the catalogue has none"):
        estimate_performance("llama3_70b", "L40S", tensor_parallel=16)


# --- what must be known of the hardware before its figures are believed ---------------------------------------------

QUESTIONS: list[Any] = [
    lambda hardware: calculate_memory(MODEL, hardware=hardware),
    lambda hardware: max_batch_size(MODEL, hardware=hardware),
    lambda hardware: estimate_performance(MODEL, hardware),
    lambda hardware: estimate_decode_performance(MODEL, system_name=hardware),
    lambda hardware: best_parallelism(MODEL, hardware),
    lambda hardware: compare_hardware(MODEL, [hardware]),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_memory_that_is_the_most_that_can_be_fitted_is_said(question: Any) -> None:
    said = [
        note
        for note in question("M2 Ultra").notes
        if "192 GB was counted, the most that Apple_M2_Ultra has" in note.text
    ]
    assert [(note.subject, note.origin) for note in said] == [("memory", "warning")]
    for sized in ("M2 Ultra 64GB", "H100"):
        assert not [note for note in question(sized).notes if "the most that" in note.text]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_chip_that_a_runtime_shows_as_several_is_said(question: Any) -> None:
    said = [note.text for note in question("TPU v3").notes if "its runtime shows 2 devices of it" in note.text]
    assert len(said) == 1


def test_a_comparison_says_it_once_for_all() -> None:
    notes = compare_hardware(MODEL, ["M4 Max", "M2 Ultra", "EPYC 9654", "TPU v3", "inf2", "M3 Ultra 256GB"]).notes
    (memory,) = [note.text for note in notes if note.subject == "memory"]
    assert all(name in memory for name in ("Apple_M4_Max", "Apple_M2_Ultra", "EPYC_9654"))
    assert "M3_Ultra" not in memory
    assert len([note for note in notes if "its runtime shows" in note.text]) == 1


def test_a_size_in_the_name_decides_what_fits() -> None:
    assert max_batch_size(MODEL, hardware="EPYC 9654 768GB").max_batch_size < 3000
    assert max_batch_size(MODEL, hardware="EPYC 9654").max_batch_size > 20_000


def test_a_card_of_two_devices_is_counted_as_two() -> None:
    # 65.5 GB of weights and 64 GB to a die
    report = max_batch_size("qwen2.5_32b", hardware="MI250X")
    assert (report.devices, report.tensor_parallel) == (2, 2)
    assert max_batch_size("qwen2.5_32b", hardware="MI250X_GCD").max_batch_size == 0
    assert estimate_performance("qwen2.5_32b", "MI250X").devices == 2


def test_a_layout_of_more_devices_than_the_name_says_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'2xH100' is 2 devices, and the layout that was given needs 4"):
        estimate_decode_performance(MODEL, system_name="2xH100", tensor_parallel=4)


def test_the_links_of_tpus_go_through_the_slice() -> None:
    assert estimate_performance("llama3.1_70b", "v5p-16", tensor_parallel=8).devices == 8
    assert estimate_performance("llama3.1_8b", "v5litepod-16", tensor_parallel=8, data_parallel=2).devices == 16


def test_a_format_that_the_device_has_no_unit_for_is_said() -> None:
    (note,) = [note for note in estimate_performance(MODEL, "V100_32GB").notes if note.subject == "precision"]
    assert note.text.startswith("V100_32GB has no bf16 unit: bf16 weights are multiplied in fp16")
    assert note.origin == "warning"
    assert not [note for note in estimate_performance(MODEL, "H100").notes if note.subject == "precision"]


def test_a_format_that_was_refused_is_not_advised() -> None:
    with pytest.raises(LayoutError, match="has no peak rate for bf16") as caught:
        estimate_performance(MODEL, "Blackhole_p150", precision="bf16")
    assert "such as 'bf16'" not in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda hardware: calculate_memory(MODEL, hardware=hardware, precision="int4"),
        lambda hardware: max_batch_size(MODEL, hardware=hardware, precision="int4"),
        lambda hardware: estimate_performance(MODEL, hardware, precision="int4"),
        lambda hardware: best_parallelism(MODEL, hardware, precision="int4"),
        lambda hardware: compare_hardware(MODEL, [hardware], precision="int4"),
        lambda hardware: estimate_decode_performance(MODEL, system_name=hardware, bits="int4"),
    ],
)
def test_what_of_a_name_was_not_taken_to_the_letter_is_noted(ask: Any) -> None:
    slip = "'telsa' in the name 'Telsa T4' was read as 'tesla', and T4 was taken."
    assert slip in [note.text for note in ask("Telsa T4").notes]
    assert not [note for note in ask("Tesla T4 16GB").notes if "was taken" in note.text and "name" in note.text]


def test_of_parts_that_hold_the_same_the_least_answers_for_memory_and_none_for_times() -> None:
    for question in (calculate_memory, max_batch_size):
        report = question(MODEL, hardware="RTX PRO 6000")
        assert any("hold the same memory: RTX_PRO_6000_Server, the least of them" in note.text for note in report.notes)
        with pytest.raises(AmbiguousHardwareError, match=r"A100_40GB \(40 GB, 1,555 GB/s\) or A100_80GB"):
            question(MODEL, hardware="A100")
    with pytest.raises(AmbiguousHardwareError, match=r"RTX_PRO_6000_Workstation \(96 GB, 1,792 GB/s, 503.8 TFLOPS\)"):
        estimate_performance(MODEL, "RTX PRO 6000")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_figure_on_which_sources_differ_is_said(question: Any) -> None:
    said = [note for note in question("Gaudi 3").notes if "Sources differ on Gaudi_3's peak_flops of bf16" in note.text]
    assert [(note.subject, note.origin) for note in said] == [("peak_flops.bf16", "warning")]
    assert "1835" in said[0].text
    assert "1678" in said[0].text
    assert not [note for note in question("H100").notes if "Sources differ" in note.text]


@pytest.mark.parametrize(
    ("hardware", "twin"),
    [("H20", "H20_141GB"), ("RTX PRO 5000", "RTX_PRO_5000_72GB"), ("RTX 4090", ""), ("H20 141GB", ""), ("H100", "")],
)
def test_a_part_that_is_sold_with_another_memory_says_so(hardware: str, twin: str) -> None:
    said = [note.text for note in calculate_memory("llama3_8b", hardware=hardware).notes if "is another" in note.text]
    assert [twin in text for text in said] == ([True] if twin else [])
