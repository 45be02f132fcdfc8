"""What reports say in words."""

from dataclasses import replace

import pytest

from llm_memory_calculator import (
    Note,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    inspect_model,
    max_batch_size,
)
from llm_memory_calculator.report import Line
from llm_memory_calculator.sentences import amount, painted, text_of

from ..rows import each

MODEL = "meta-llama/Llama-3.1-70B"
REPORTS = {
    "memory": lambda: calculate_memory(MODEL),
    "batch": lambda: max_batch_size(MODEL, "H100", devices=8),
    "performance": lambda: estimate_performance(MODEL, "H100"),
    "prefill": lambda: estimate_performance(MODEL, "H100").prefill_phase,
    "layouts": lambda: best_parallelism(MODEL, "H100"),
    "comparison": lambda: compare_hardware(MODEL, ["H100", "T4"]),
    "model": lambda: inspect_model(MODEL),
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_printed_in_words_and_with_what_must_be_known(name: str) -> None:
    report = REPORTS[name]()
    weighty = Note(subject="test", text="The moon was full.", origin="warning")
    idle = Note(subject="test", text="The sun shone.", origin="source")
    text = str(replace(report, notes=(weighty, idle)))
    assert MODEL in text
    assert type(report).__name__ not in text
    assert "warning: The moon was full." in text
    assert "The sun shone" not in text


@each(
    ("value", "unit", "said"),
    [
        (35_278_831_616, "bytes", "35.28 GB"),
        (2_500_000, "bytes", "2.50 MB"),
        (327_680, "bytes", "327.68 kB"),
        (512, "bytes", "512 bytes"),
        (0, "bytes", "0 bytes"),
        (12.3456, "ms", "12.35 ms"),
        (0.0042, "ms", "4.20 us"),
        (217, "sequences", "217 sequences"),
        (70_553_706_496, "", "70,553,706,496"),
    ],
)
def test_an_amount_is_said_in_its_unit(value: float, unit: str, said: str) -> None:
    assert amount(Line(name="", value=value, unit=unit)) == said


def test_a_tree_is_painted_from_the_top_with_its_reasons() -> None:
    parts = (
        Line(name="context", value=600_000_000, unit="bytes"),
        Line(name="graphs", value=400_000_000, unit="bytes", why="35 sizes"),
    )
    lines = painted([Line(name="overhead", value=10**9, unit="bytes", parts=parts)])
    assert [line.split() for line in lines] == [
        ["overhead", "1.00", "GB"],
        ["context", "600.00", "MB"],
        ["graphs", "400.00", "MB", "35", "sizes"],
    ]
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, 4, 4]


def test_the_parts_of_a_time_stand_under_it() -> None:
    report = estimate_performance(MODEL, "H100")
    assert report.decode_phase is not None
    text = str(report)
    for line in report.decode_phase.breakdown:
        assert line.name in text
    assert "matmul" not in str(replace(report, prefill_phase=None, decode_phase=None))


def test_what_is_missing_and_what_is_taken_add_up_to_the_total() -> None:
    report = calculate_memory("Qwen/Qwen3-8B", hardware="RTX_4090", seq_length=32_768)
    assert report.device_budget_bytes is not None
    assert report.device_margin_bytes is not None
    # more is counted than is taken, and less than that is missing: the rest lies outside of what vLLM takes
    assert report.total_memory_bytes - report.device_budget_bytes > -report.device_margin_bytes > 0
    assert "a part of the total lies outside of that" in text_of(report)


def test_without_hardware_the_card_that_is_counted_is_named() -> None:
    # vLLM takes steps of 8,192 tokens on cards of 70 GiB and more, and of 2,048 on others (engine/arg_utils.py)
    unnamed = calculate_memory("Qwen/Qwen3-8B")
    assert "), as on a card of 80 GB: " in text_of(unnamed)
    named = {size: calculate_memory("Qwen/Qwen3-8B", memory_gb=size) for size in (24, 80)}
    assert unnamed.activation_memory_bytes == named[80].activation_memory_bytes > named[24].activation_memory_bytes
    assert not any("as on a card" in text_of(report) for report in named.values())


def test_what_a_room_holds_is_said_of_requests_of_one_length() -> None:
    # half of gpt-oss's layers have a window of 128 tokens: a long request takes less for each of its tokens
    report = calculate_memory("gpt-oss-120b", hardware="A100_80GB", engine="vllm")
    assert report.startup is not None
    room, longest = report.startup.cache_tokens, report.startup.longest
    assert room is not None
    assert longest is not None
    assert room < longest
    assert f"{room:,} tokens in {report.startup.concurrency:,.2f} requests of 2,048" in text_of(report)
    assert f"one of {longest:,} is the longest that the room holds" in text_of(report)
