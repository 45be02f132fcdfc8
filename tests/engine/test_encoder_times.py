"""Embedding services and rerankers: sequences a second, and what a served load's users wait."""

import pytest

from llm_memory_calculator import estimate_end_to_end_performance, estimate_performance, estimate_serving
from llm_memory_calculator.errors import ArgumentError

MODEL = "BAAI/bge-m3"
# XLM-RoBERTa-large: 24 layers of 12 x 1024^2 parameters that multiply each token.
MATRICES = 24 * 12 * 1024**2


def test_who_says_no_output_asks_for_one_pass() -> None:
    plain = estimate_performance(MODEL, "H100", precision="bf16", input_tokens=512)
    told = estimate_performance(MODEL, "H100", precision="bf16", input_tokens=512, output_tokens=1)
    assert (plain.output_tokens, plain.tpot_ms, plain.output_tokens_per_s) == (1, None, 0)
    assert plain.total_ms == told.total_ms == plain.ttft_ms
    again = estimate_end_to_end_performance(MODEL, input_tokens=512, system_name="H100", bits="bf16")
    assert again.total_ms == pytest.approx(plain.total_ms)


def test_a_length_that_nobody_gave_is_one_that_the_model_takes() -> None:
    # BERT has 512 positions
    report = estimate_performance("google-bert/bert-base-uncased", "H100", precision="bf16")
    assert report.input_tokens == 512
    assert any(note.subject == "input_tokens" and "512" in note.text for note in report.notes)
    assert not any("exceed" in note.text for note in report.notes)


def test_more_output_is_refused() -> None:
    with pytest.raises(ArgumentError, match="is an encoder"):
        estimate_performance(MODEL, "H100", output_tokens=20)


@pytest.mark.parametrize(
    "model", [MODEL, "BAAI/bge-reranker-v2-m3", "answerdotai/ModernBERT-base", "google-bert/bert-base-uncased"]
)
def test_words_say_sequences_and_no_output_tokens(model: str) -> None:
    for report in (
        estimate_performance(model, "H100", precision="bf16", input_tokens=256),
        estimate_serving(model, "H100", precision="bf16", input_tokens=256, concurrency=4),
    ):
        assert f"{report.requests_per_s:,.4g} sequences/s" in str(report)
        assert "output tokens" not in str(report)
        assert "no evidence" in report.total_interval_ms.evidence


@pytest.mark.parametrize(("hardware", "peak"), [("H100", 989.4e12), ("L4", 121e12), ("MI300X", 1307.4e12)])
def test_no_more_sequences_than_the_peak_multiplies(hardware: str, peak: float) -> None:
    """Peaks: dense 16-bit TFLOPS of the makers' datasheets (H100 SXM 989.4, L4 121, MI300X 1,307.4)."""
    report = estimate_serving(MODEL, hardware, precision="fp16", input_tokens=512, concurrency=256)
    assert report.serving is not None
    most = peak / (2 * MATRICES * 512)
    assert report.requests_per_s < most
    assert report.serving.saturation_requests_per_s < most


def test_users_see_littles_law_and_a_queue() -> None:
    rates, waits = [], []
    for users in (1, 4, 16, 64, 256):
        report = estimate_serving(MODEL, "L4", precision="fp16", input_tokens=512, concurrency=users)
        assert report.serving is not None
        # in a closed loop every user is always somewhere in it
        assert report.requests_per_s * report.ttft_ms / 1e3 == pytest.approx(users, rel=0.12)
        assert report.requests_per_s <= report.serving.saturation_requests_per_s * 1.02
        assert report.serving.ttft.p50_ms <= report.serving.ttft.p99_ms
        assert report.serving.tpot is None
        rates.append(report.requests_per_s)
        waits.append(report.ttft_ms)
    assert rates == sorted(rates)
    assert waits == sorted(waits)
    assert rates[-1] == pytest.approx(report.serving.saturation_requests_per_s, rel=0.05)


def test_a_rate_below_saturation_is_served_and_one_above_warned_of() -> None:
    def ask(rate: float) -> tuple[float, list[str]]:
        report = estimate_serving(
            MODEL, "L4", precision="fp16", input_tokens=512, tensor_parallel=1, request_rate=rate, requests=2000
        )
        return report.requests_per_s, [note.text for note in report.notes]

    served, notes = ask(20)
    assert served == pytest.approx(20, rel=0.02)
    assert not any("grows without end" in text for text in notes)
    assert any("grows without end" in text for text in ask(2000)[1])


def test_copies_serve_as_many_times_as_much() -> None:
    one, four = (
        estimate_serving(MODEL, "L4", devices=count, precision="fp16", input_tokens=512, concurrency=512).serving
        for count in (1, 4)
    )
    assert one is not None
    assert four is not None
    assert four.saturation_requests_per_s == pytest.approx(4 * one.saturation_requests_per_s)


def test_a_rate_takes_as_many_copies_as_serve_it() -> None:
    report = estimate_serving(MODEL, "L4", precision="fp16", input_tokens=512, request_rate=200)
    assert report.serving is not None
    assert report.tensor_parallel == 1
    assert report.data_parallel > 1
    assert report.serving.saturation_requests_per_s > 200
    fewer = report.serving.saturation_requests_per_s * (report.data_parallel - 1) / report.data_parallel
    assert fewer <= 200


def test_a_sequence_is_not_cut() -> None:
    """One that is longer than a step's budget still waits for one whole pass, whose attention grows with its square."""
    short, long = (
        estimate_serving(MODEL, "H100", precision="bf16", input_tokens=tokens, concurrency=1).ttft_ms
        - estimate_serving(MODEL, "H100", precision="bf16", input_tokens=16, concurrency=1).ttft_ms
        for tokens in (4096, 8192)
    )
    assert long > 2 * short


def test_what_only_generating_models_have_is_refused() -> None:
    with pytest.raises(ArgumentError, match="cached_share is of models that generate"):
        estimate_serving(MODEL, "H100", concurrency=4, cached_share=0.5)
