"""The layouts and batches that nothing else beats in both latency and tokens a second."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    DoesNotFitError,
    get_best_parallelization_strategy,
    get_pareto_optimal_performance,
    get_various_parallelization,
)

LATENCY, RATE = "Latency(ms)", "Tokens/s"
COLUMNS = ["batch", "micro batch", "TP", "PP", LATENCY, RATE]
BATCHES = [8, 16, 32]


@pytest.mark.parametrize("stage", ["decode", "prefill"])
@pytest.mark.parametrize("devices", [1, 6, 8])
def test_no_point_is_beaten_by_another_or_by_any_batch_s_best(stage: str, devices: int) -> None:
    arguments: dict[str, Any] = {
        "stage": stage,
        "model": "llama2_7b",
        "total_nodes": devices,
        "system_name": "A100_80GB",
    }
    front = get_pareto_optimal_performance(batch_list=BATCHES, **arguments)
    assert list(front.columns)[:6] == COLUMNS
    # from the quickest on, each slower point gives more
    assert front[LATENCY].is_monotonic_increasing
    assert front[LATENCY].is_unique
    assert front[RATE].is_monotonic_increasing
    assert front[RATE].is_unique
    for batch in BATCHES:
        best = get_best_parallelization_strategy(batch_size=batch, **arguments).iloc[0]
        assert ((front[LATENCY] <= best[LATENCY]) & (front[RATE] >= best[RATE])).any()


def test_a_point_s_numbers_are_of_its_batch_and_its_layout() -> None:
    front = get_pareto_optimal_performance("decode", "llama2_7b", 8, BATCHES, system_name="A100_80GB", bits="bf16")
    splits = get_various_parallelization("llama2_7b", 8)
    for _, row in front.iterrows():
        assert (row["TP"], row["PP"]) in splits
        assert row["TP"] * row["PP"] * row["DP"] <= 8
        assert row[RATE] == pytest.approx(row["batch"] / row[LATENCY] * 1e3)
        # each device reads its share of 13.2 GB of matrices in every step, at 2,039 GB/s
        assert row[LATENCY] >= 13.2e9 / row["TP"] / 2.039e12 * 1e3


def test_one_batch_may_be_a_number() -> None:
    one = get_pareto_optimal_performance(model="llama2_7b", batch_list=16, system_name="H100")
    assert set(one["batch"]) == {16}


def test_beams_are_sequences_of_their_own() -> None:
    front = get_pareto_optimal_performance(model="llama2_7b", batch_list=[4], beam_size=4, system_name="H100")
    assert set(front["batch"]) == {4}
    assert (front[RATE] * front[LATENCY] / 1e3).to_list() == pytest.approx([16] * len(front))


def test_a_batch_that_fits_nowhere_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        front = get_pareto_optimal_performance("decode", "llama2_7b", 1, [8, 4096], system_name="A100_80GB")
    assert set(front["batch"]) == {8}
    assert "batch 4,096" in caplog.text
    with pytest.raises(DoesNotFitError, match="batch 4,096"):
        get_pareto_optimal_performance("decode", "llama2_7b", 1, [4096], system_name="A100_80GB")


@pytest.mark.parametrize("batches", [[], "8", [0], {8: 1}])
def test_batches_that_are_none_are_refused(batches: Any) -> None:
    with pytest.raises(ArgumentError, match="batch"):
        get_pareto_optimal_performance(model="llama2_7b", batch_list=batches, system_name="H100")


def test_beams_take_a_prompt_in_once() -> None:
    asked = {"model": "llama2_7b", "total_nodes": 1, "batch_size": 4, "input_tokens": 1500, "output_tokens": 64}
    asked |= {"system_name": "A100_80GB", "bits": "bf16"}
    one = get_best_parallelization_strategy("prefill", **asked)  # type: ignore[arg-type]
    four = get_best_parallelization_strategy("prefill", beam_size=4, **asked)  # type: ignore[arg-type]
    assert four["Latency(ms)"][0] == pytest.approx(one["Latency(ms)"][0])
