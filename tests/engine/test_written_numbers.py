"""Numbers and lists as agents write them, in every question."""

from typing import Any

import pytest

from llm_memory_calculator import ArgumentError, calculate_memory, compare_hardware, max_batch_size, plan_deployment
from llm_memory_calculator.written_numbers import number_of

from ..rows import each

MODEL = "meta-llama/Llama-3.1-8B"


@each(
    ("written", "unit", "number"),
    [
        ("4", "", 4),
        ("8.0", "", 8.0),
        ("8,192", "tokens", 8192),
        ("131_072", "tokens", 131_072),
        # max_position_embeddings of models that are sold by these: Llama 2 Long 32k, Llama 3.1 128K, Llama 4 10M
        ("32k", "tokens", 32_768),
        ("128K", "tokens", 131_072),
        ("10M", "tokens", 10_485_760),
        ("1M tokens", "tokens", 1_048_576),
        # vLLM's --max-model-len: 1k is 1,000 and 1K is 1,024; what is no length of a model is a plain thousand
        ("10k", "tokens", 10_000),
        ("25.6k", "tokens", 25_600),
        ("1k", "setting", 1000),
        ("1K", "setting", 1024),
        ("2k", "", 2000),
        ("24 GB", "GB", 24),
        ("24gb", "GB", 24),
        ("24GiB", "GB", 24 * 2**30 / 1e9),
        ("1.5 TB", "GB", 1500),
        ("500 ms", "ms", 500),
        ("1.5s", "ms", 1500),
        ("2 min", "s", 120),
        ("90%", "share", 0.9),
        ("400 Gb/s", "GB/s", 50),
        ("400 GB/s", "GB/s", 400),
        ("120 requests/min", "requests/s", 2),
        ("2.5 rps", "requests/s", 2.5),
        ("$12.5/h", "US dollars an hour", 12.5),
        ("$12.5 per hour", "US dollars an hour", 12.5),
        # clouds bill 730 hours a month
        ("$7300/month", "US dollars an hour", 10),
        ("48 usd/day", "US dollars an hour", 2),
        # a time per token by its rate: 1,000 / 25
        ("25 tok/s", "ms a token", 40),
        ("50 tokens per second", "ms a token", 20),
        ("50 t/s", "ms a token", 20),
        ("25 ms/token", "ms a token", 25),
    ],
)
def test_a_number_is_read_with_its_unit(written: str, unit: str, number: float) -> None:
    assert number_of(written, unit) == pytest.approx(number, rel=1e-12)


@each(
    ("written", "unit"),
    [
        ("eight", ""),
        ("", ""),
        ("nan", ""),
        ("inf", "GB"),
        ("1,5", ""),
        ("4 5", ""),
        ("--4", ""),
        ("24 GB", "tokens"),
        ("24 GB", "ms"),
        ("30 tok/s", "ms"),
        ("0 tok/s", "ms a token"),
        ("30 tok/min", "ms a token"),
        ("$5/fortnight", "US dollars an hour"),
        ("32k", "GB"),
        ("$4", ""),
        ("5 apples", ""),
        ("1e", ""),
        ("9" * 30, ""),
    ],
)
def test_what_is_no_number_of_that_unit_is_none(written: str, unit: str) -> None:
    assert number_of(written, unit) is None


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ({"batch_size": "4", "seq_length": 4096.0}, {"batch_size": 4, "seq_length": 4096}),
        ({"memory_gb": "24 GB"}, {"memory_gb": 24}),
        # a card of 24 GiB is sold with 24 GB
        ({"memory_gb": "24GiB"}, {"memory_gb": 24}),
        ({"gpu_memory_utilization": "90%"}, {"gpu_memory_utilization": 0.9}),
        ({"hardware": ["H100"]}, {"hardware": "H100"}),
        ({"gpu_memory_utilization": 90}, {"gpu_memory_utilization": 0.9}),
        ({"include_gradients": "true"}, {"include_gradients": True}),
        ({"include_gradients": "Yes"}, {"include_gradients": True}),
        ({"include_gradients": "off"}, {"include_gradients": False}),
        ({"engine_settings": {"max_model_len": "8K"}}, {"engine_settings": {"max_model_len": 8192}}),
    ],
)
def test_a_question_means_the_same_in_text(written: dict[str, Any], plain: dict[str, Any]) -> None:
    assert calculate_memory(MODEL, **written) == calculate_memory(MODEL, **plain)


def test_a_reading_that_could_be_another_is_said() -> None:
    read = calculate_memory(MODEL, seq_length="32k")
    assert read.seq_length == 32_768
    assert "32k is read as 32,768 tokens." in [note.text for note in read.notes]
    assert not [note for note in calculate_memory(MODEL, seq_length="8,192").notes if "read as" in note.text]


def test_a_rate_is_told_as_the_time_that_it_was_read_as() -> None:
    asked = {"hardware": "H100", "request_rate": 1, "precision": "fp8"}
    by_rate = plan_deployment(MODEL, tpot_target_ms="25 tok/s", budget_usd_per_hour="$7300/month", **asked)
    assert by_rate.plans == plan_deployment(MODEL, tpot_target_ms=40, budget_usd_per_hour=10, **asked).plans
    with pytest.raises(ArgumentError, match=r"ttft_target_ms must be a number .* ms, and is '25 tok/s'"):
        plan_deployment(MODEL, ttft_target_ms="25 tok/s", **asked)


@pytest.mark.parametrize("share", [1.5, 9, 101, -90, "190%"])
def test_a_share_that_may_be_a_slip_is_no_percentage(share: object) -> None:
    with pytest.raises(ArgumentError, match=r"gpu_memory_utilization must be a number above 0\.01 and up to 1"):
        calculate_memory(MODEL, gpu_memory_utilization=share)


def test_an_accelerator_that_is_named_twice_is_compared_once() -> None:
    for several in (["H100", "h100", "H100_SXM", "A100-80GB"], "H100, A100-80GB"):
        assert [row.hardware for row in compare_hardware(MODEL, several).rows] == ["H100_SXM", "A100_80GB"]


def test_an_empty_list_is_refused_in_a_sentence() -> None:
    for ask in (
        lambda: compare_hardware(MODEL, []),
        lambda: plan_deployment(MODEL, request_rate=1, hardware=[]),
        lambda: plan_deployment(MODEL, request_rate=1, hardware="H100", formats=[]),
        lambda: calculate_memory(MODEL, max_loras=1, target_modules=[]),
    ):
        with pytest.raises(ArgumentError, match=r"(hardware|formats|target_modules) .*(list|left out)"):
            ask()


def test_an_encoder_s_batch_is_what_a_step_takes_or_memory_holds() -> None:
    # 2,048 is vLLM's default of max_num_batched_tokens (vllm/config/scheduler.py, DEFAULT_MAX_NUM_BATCHED_TOKENS)
    served = max_batch_size("BAAI/bge-large-en-v1.5", "T4", seq_length=512, engine="vllm")
    assert served.max_batch_size == 2048 // 512
    assert "2,048 tokens in a step" in served.reason
    # all at once: one more would not fit
    alone = max_batch_size("BAAI/bge-large-en-v1.5", "T4", seq_length=512, engine="transformers")
    assert 100 < alone.max_batch_size < 1000
    assert "would exceed" in alone.reason
