"""Served loads by laws that need no run: Little's, rates that come and leave, lines that sum to their heads."""

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    DoesNotFitError,
    EndToEndReport,
    LayoutError,
    ServingReport,
    best_parallelism,
    estimate_performance,
    estimate_serving,
)
from llm_memory_calculator.sentences import lines_of, walked

from ..rows import each

QWEN = "Qwen/Qwen3-8B"


def serving(report: EndToEndReport) -> ServingReport:
    assert report.serving is not None
    return report.serving


def notes_on(report: EndToEndReport, subject: str) -> str:
    return " ".join(note.text for note in report.notes if note.subject == subject)


def on_copies(users: int, copies: int) -> EndToEndReport:
    return estimate_serving(
        QWEN,
        "H100",
        data_parallel=copies,
        tensor_parallel=1,
        concurrency=users,
        input_tokens=500,
        output_tokens=100,
    )


# --- copies --------------------------------------------------------------------------------------------------------


def test_one_user_gets_no_more_of_four_copies_than_of_one() -> None:
    many, one = on_copies(1, 4), on_copies(1, 1)
    assert many.output_tokens_per_s == pytest.approx(one.output_tokens_per_s)
    assert serving(many).decoding < 1
    assert "3 of the 4 copies" in notes_on(many, "data_parallel")


@pytest.mark.parametrize(("users", "copies"), [(1, 4), (3, 4), (5, 4), (7, 2), (8, 4), (30, 8)])
def test_users_are_what_is_served_times_how_long_it_takes_on_any_copies(users: int, copies: int) -> None:
    report = on_copies(users, copies)
    assert report.requests_per_s * report.total_ms / 1e3 == pytest.approx(users, rel=0.01)
    assert serving(report).decoding <= users


def test_prefill_workers_serve_no_more_users_than_there_are() -> None:
    report = estimate_serving(
        QWEN,
        "H100",
        tensor_parallel=1,
        data_parallel=4,
        prefill_workers=4,
        concurrency=1,
        input_tokens=500,
        output_tokens=100,
    )
    assert report.requests_per_s * report.total_ms / 1e3 == pytest.approx(1, rel=0.02)


def test_users_that_the_copies_cannot_share_evenly_lie_between_those_that_they_can() -> None:
    rates = [on_copies(users, 4).output_tokens_per_s for users in (4, 5, 6, 7, 8)]
    assert rates == sorted(rates)


# --- steps of any size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [500, 20_000, 120_000])
def test_an_engine_without_a_budget_of_tokens_serves_users(tokens: int) -> None:
    users = 4
    # of which the longest have room at once too
    load: dict[str, Any] = {"tensor_parallel": 2, "input_tokens": tokens, "output_tokens": 50}
    report = estimate_serving(QWEN, "H100", engine="transformers", concurrency=users, **load)
    alone = estimate_serving(QWEN, "H100", engine="transformers", concurrency=1, **load)
    # all prompts come at once, and the device does no more operations a second for that
    assert alone.ttft_ms <= report.ttft_ms <= users * alone.ttft_ms * 1.05


def test_of_a_cached_prompt_a_token_is_computed() -> None:
    report = estimate_serving(
        QWEN,
        "RTX 4090",
        engine="llama.cpp",
        precision="q4_k_m",
        concurrency=1,
        input_tokens=2,
        output_tokens=10,
        cached_share=0.9,
    )
    assert report.ttft_ms > 0


# --- rates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.25, 1, 3])
def test_as_many_requests_leave_as_come_below_saturation(rate: float) -> None:
    report = estimate_serving(
        "meta-llama/Llama-3.1-70B",
        "4xH100",
        tensor_parallel=4,
        request_rate=rate,
        output_tokens=200,
        ttft_target_ms=1e6,
    )
    assert rate < serving(report).saturation_requests_per_s
    assert report.requests_per_s == pytest.approx(rate)
    assert report.output_tokens_per_s == pytest.approx(200 * rate)
    assert serving(report).goodput_requests_per_s == pytest.approx(rate)
    # Little's law of those that decode
    each = report.tpot_ms
    assert each is not None
    assert serving(report).decoding == pytest.approx(rate * 199 * each / 1e3, rel=0.01)


# --- lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [{"concurrency": 32}, {"request_rate": 1.0}, {"batch_size": 8}])
def test_the_parts_of_a_line_sum_to_it(load: dict[str, float]) -> None:
    report = estimate_performance(
        "meta-llama/Llama-3.1-70B", "4xH100", tensor_parallel=4, input_tokens=2048, output_tokens=400, **load
    )
    with_parts = [line for _, line in walked(lines_of(report)) if line.parts]
    assert len(with_parts) >= 2
    for line in with_parts:
        assert sum(part.value for part in line.parts) == pytest.approx(line.value)


def test_the_prefill_of_a_served_load_is_of_a_prompt_alone() -> None:
    report = estimate_serving("meta-llama/Llama-3.1-70B", "4xH100", tensor_parallel=4, concurrency=32)
    assert report.prefill_phase is not None
    assert report.prefill_phase.batch_size == 1
    assert report.prefill_phase.latency_ms < report.ttft_ms
    assert "a prompt alone" in str(report)


# --- room ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "hardware", "more"),
    [
        # 65 GB of weights, and SGLang takes 78 % of 65.9 GB
        ("openai/gpt-oss-120b", "Jetson AGX Orin 64GB", {"engine": "sglang"}),
        ("meta-llama/Llama-3.1-70B", "2xH100", {"engine": "sglang", "tensor_parallel": 2, "output_tokens": 60_000}),
    ],
)
def test_what_has_no_room_for_one_request_is_refused_with_what_mends_it(
    model: str, hardware: str, more: dict[str, Any]
) -> None:
    for load in ({"concurrency": 4}, {"request_rate": 1}):
        with pytest.raises(DoesNotFitError, match=r"GB are missing for .*(mends it: |use a larger device)"):
            estimate_serving(model, hardware, **load, **more)


def test_what_may_have_room_is_answered_with_a_warning() -> None:
    report = estimate_serving(
        "moonshotai/Kimi-K2-Instruct", "4xH200", engine="tgi", precision="nvfp4", concurrency=8, output_tokens=400
    )
    assert "Memory is short by the estimate" in notes_on(report, "memory")
    assert serving(report).decoding <= serving(report).room


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tgi", "tensorrt_llm"])
def test_no_more_decode_than_there_is_room_for(engine: str) -> None:
    report = estimate_serving(
        "meta-llama/Llama-3.1-70B",
        "4xA100_80GB",
        tensor_parallel=4,
        engine=engine,
        concurrency=400,
        input_tokens=3000,
        output_tokens=1000,
    )
    assert serving(report).queued_share > 0
    assert serving(report).decoding <= serving(report).room


# --- what no run stands behind -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "setting"),
    [
        ("vllm", {"enforce_eager": True}),
        ("sglang", {"disable_cuda_graph": True}),
        ("sglang", {"enforce_eager": True}),
        ("tgi", {"cuda_graphs": False}),
        ("tensorrt_llm", {"cuda_graph_max_batch_size": 0}),
    ],
)
@pytest.mark.parametrize("load", [{}, {"concurrency": 2}], ids=["static", "served"])
def test_without_graphs_the_range_reaches_further_up_and_a_note_says_so(
    engine: str, setting: dict[str, Any], load: dict[str, Any]
) -> None:
    plain, eager = (
        estimate_performance(QWEN, "H100", engine=engine, tensor_parallel=1, engine_settings=one, **load)
        for one in (None, setting)
    )
    assert "captured graphs" in notes_on(eager, "engine_settings")
    assert "captured graphs" not in notes_on(plain, "engine_settings")
    for name in ("ttft_interval_ms", "tpot_interval_ms", "total_interval_ms"):
        assert getattr(eager, name).high > getattr(plain, name).high
        assert getattr(eager, name).low == pytest.approx(getattr(plain, name).low, rel=0.05)
    # transformers calls the operators of Qwen3-8B's 36 layers one by one, and takes 25 ms on the same card
    assert eager.tpot_interval_ms is not None
    assert eager.tpot_interval_ms.high > 25


@each(
    ("engine", "version", "nearest"),
    [
        ("vllm", "0.33", "0.18"),
        ("vllm", "0.18", None),
        ("vllm", "0.12", None),
        ("sglang", "0.4.6", "0.5.1"),
        ("sglang", "2024-03", "0.5.1"),
        ("sglang", "0.5.6", None),
        ("sglang", None, "0.5.9"),
        ("tensorrt_llm", "1.1", None),
    ],
)
def test_times_of_a_release_that_was_not_measured_say_of_which_they_are(
    engine: str, version: str | None, nearest: str | None
) -> None:
    report = estimate_performance(QWEN, "H100", engine=engine, engine_version=version, tensor_parallel=1)
    said = notes_on(report, "engine_version")
    assert (f"the measured release that is nearest, {nearest}" in said) == (nearest is not None)


# --- any size ------------------------------------------------------------------------------------------------------


def test_users_beyond_what_is_let_in_only_wait_longer() -> None:
    common: dict[str, Any] = {"tensor_parallel": 1, "input_tokens": 500, "output_tokens": 100}
    some, many = (estimate_serving(QWEN, "H100", concurrency=users, **common) for users in (4_000, 400_000))
    assert many.tpot_ms == pytest.approx(some.tpot_ms, rel=0.02)
    assert many.requests_per_s == pytest.approx(some.requests_per_s, rel=0.02)
    assert many.requests_per_s * many.total_ms / 1e3 == pytest.approx(400_000, rel=0.02)
    assert "users were simulated" in notes_on(many, "concurrency")
    assert "users were simulated" not in notes_on(some, "concurrency")


def test_of_very_many_requests_the_first_are_simulated() -> None:
    report = estimate_serving(QWEN, "H100", tensor_parallel=1, request_rate=1e6)
    assert "The first 20,000 requests of 60,000,000 were simulated" in notes_on(report, "requests")
    found = serving(report)
    assert found.requests == 20_000
    assert report.requests_per_s == pytest.approx(found.saturation_requests_per_s, rel=0.1)


@pytest.mark.parametrize("copies", [1, 4, 64])
@pytest.mark.parametrize("outputs", [{20: 0.5, 400: 0.5}, {"p50": 100, "p95": 600}])
def test_what_is_served_has_the_mean_that_was_asked_for(copies: int, outputs: Any) -> None:
    report = estimate_serving(
        "Qwen/Qwen3-8B", "H100", tensor_parallel=1, data_parallel=copies, request_rate=0.1, output_tokens=outputs
    )
    assert report.output_tokens_per_s / report.requests_per_s == pytest.approx(report.output_tokens, rel=0.02)


def test_what_the_queue_cannot_keep_up_with_is_not_said_to_be_served() -> None:
    report = estimate_serving(
        "Qwen/Qwen3-8B",
        "H100",
        tensor_parallel=1,
        pipeline_parallel=8,
        request_rate=155,
        input_tokens=1000,
        output_tokens=100,
    )
    assert report.serving is not None
    assert report.requests_per_s < 130
    assert report.serving.saturation_requests_per_s <= report.requests_per_s
    assert any(note.subject == "request_rate" for note in report.notes)


def test_drafted_tokens_bring_no_more_than_were_asked_for() -> None:
    drafts = {"method": "draft_model", "model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 4}
    for tokens in (2, 3, 8):
        report = estimate_serving(
            "Qwen/Qwen3-8B", "H100", concurrency=8, input_tokens=500, output_tokens=tokens, speculative=drafts
        )
        assert report.output_tokens_per_s / report.requests_per_s == pytest.approx(tokens)
        assert report.tpot_ms is not None


def test_a_token_s_time_is_of_those_who_see_a_second_one() -> None:
    report = estimate_serving(
        "Qwen/Qwen3-8B", "H100", concurrency=8, input_tokens=500, output_tokens={1: 0.5, 400: 0.5}, ttft_target_ms=50
    )
    assert report.tpot_ms is not None
    assert report.serving is not None
    assert report.serving.goodput_requests_per_s is not None


def test_an_engine_of_one_device_is_given_copies() -> None:
    best = best_parallelism("Qwen/Qwen3-8B", "H100", devices=8, batch_size=8, engine="ctranslate2").best
    assert (best.tensor_parallel, best.data_parallel) == (1, 8)
    with pytest.raises(LayoutError, match="data_parallel 2"):
        estimate_performance("Qwen/Qwen3-8B", "H100", engine="ctranslate2", tensor_parallel=2)


@pytest.mark.parametrize(
    "told",
    [{"enable_prefix_caching": False}, {"engine": "sglang", "disable_radix_cache": True}],
    ids=["vllm", "sglang"],
)
def test_a_cached_share_needs_a_cache_of_prefixes(told: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="keeps no prefixes"):
        estimate_serving(QWEN, "H100", concurrency=4, cached_share=0.5, **told)
