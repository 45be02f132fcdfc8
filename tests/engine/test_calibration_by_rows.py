"""A user's measured rows as factors: what was measured is a known factor of the estimates, to be found and taken.

Student's quantiles by his table of 1908 (90 %: 1.533 at 4 degrees of freedom, 1.383 at 9).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    TimeCalibration,
    best_parallelism,
    calculate_memory,
    calibrate,
    compare_hardware,
    estimate_performance,
    estimate_serving,
    max_batch_size,
)
from llm_memory_calculator.validation import (
    validate,
)

MODEL = "Qwen/Qwen3-8B"
LOAD: dict[str, Any] = {"input_tokens": 1024, "output_tokens": 256}
USERS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 160)


def rows(
    count: int = 10,
    first: Callable[[int], float] = lambda _: 1.0,
    each: Callable[[int], float] = lambda _: 1.0,
    **other: Any,
) -> list[dict[str, Any]]:
    """Closed loops on one H100 under vLLM whose times are factors of the estimates."""
    found = []
    for number, users in enumerate(USERS[:count]):
        report = estimate_serving(MODEL, "H100", engine="vllm", tensor_parallel=1, concurrency=users, **LOAD)
        assert report.tpot_ms is not None
        found.append(
            {"model": MODEL, "hardware": "H100", "engine": "vllm", "devices": 1, "concurrency": users}
            | LOAD
            | {"ttft_ms": report.ttft_ms * first(number), "tpot_ms": report.tpot_ms * each(number)}
            | other
        )
    return found


@pytest.fixture(scope="module")
def slow() -> TimeCalibration:
    """First tokens took twice as long, the others 1.3 times."""
    return calibrate(rows(first=lambda _: 2.0, each=lambda _: 1.3))


def factor(calibration: TimeCalibration, time: str) -> float:
    (found,) = (one.factor for one in calibration.factors if one.time == time)
    return found


# --- what rows say ---------------------------------------------------------------------------------------------------


def test_factors_are_found(slow: TimeCalibration) -> None:
    assert (slow.rows, slow.answered) == (10, 10)
    told = {(one.time, one.engine, one.hardware, one.n, one.models) for one in slow.factors}
    assert told == {(time, "vllm", "H100_SXM", 10, (MODEL,)) for time in ("ttft", "tpot", "e2e")}
    # nearly all of it, and never more
    assert 1.8 < factor(slow, "ttft") < 2
    assert 1.25 < factor(slow, "tpot") < 1.3
    assert factor(slow, "tpot") < factor(slow, "e2e") < factor(slow, "ttft")


def test_few_rows_are_drawn_to_the_estimate() -> None:
    found = [factor(calibrate(rows(count, each=lambda _: 1.5)), "tpot") for count in (1, 2, 5, 10)]
    assert found == sorted(found)
    assert 1.1 < found[0] < 1.3
    assert 1.4 < found[-1] < 1.5


def test_rows_as_estimated_change_nothing() -> None:
    assert factor(calibrate(rows()), "ttft") == pytest.approx(1)


def test_one_row_far_off_is_not_followed() -> None:
    found = calibrate(rows(each=lambda number: 4.0 if number == 3 else 1.1))
    assert factor(found, "tpot") < 1.1


def test_a_rate_is_the_inverse_of_a_time() -> None:
    report = estimate_performance(
        MODEL,
        "RTX 4090",
        engine="llama_cpp",
        precision="q8_0",
        input_tokens=1,
        **{
            "output_tokens": 129,
            "tensor_parallel": 1,
            "depth": 512,
        },
    )
    assert report.decode_tokens_per_s is not None
    row = {"model": MODEL, "hardware": "RTX 4090", "engine": "llama.cpp", "quantization": "Q8_0", "depth": 512}
    # half as many tokens a second
    measured = {"output_tokens": 128, "decode_tokens_per_s": report.decode_tokens_per_s / 2}
    found = calibrate([row | measured] * 40)
    assert [one.time for one in found.factors] == ["tpot"]
    assert factor(found, "tpot") == pytest.approx(2, rel=0.05)


def test_rows_of_a_file_say_the_same(tmp_path: Path, slow: TimeCalibration) -> None:
    path, measured = tmp_path / "rows.csv", rows(first=lambda _: 2.0, each=lambda _: 1.3)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(measured[0]))
        writer.writeheader()
        writer.writerows(measured)
    assert calibrate(path) == slow


# --- estimates that take it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "load", [{}, {"concurrency": 8}, {"concurrency": 500}, {"request_rate": 2}], ids=["static", "8", "500", "rate"]
)
def test_an_estimate_is_times_the_factors(load: dict[str, Any], slow: TimeCalibration) -> None:
    asked = {"engine": "vllm", "tensor_parallel": 1} | LOAD | load
    plain, found = (estimate_performance(MODEL, "H100", **asked, calibration=one) for one in (None, slow))
    assert plain.tpot_ms is not None
    assert found.tpot_ms is not None
    assert found.ttft_ms == pytest.approx(plain.ttft_ms * factor(slow, "ttft"))
    assert found.tpot_ms == pytest.approx(plain.tpot_ms * factor(slow, "tpot"))
    rest = (plain.total_ms - plain.ttft_ms) * factor(slow, "tpot")
    assert found.total_ms == pytest.approx(found.ttft_ms + rest)
    rate = plain.output_tokens_per_s / found.output_tokens_per_s
    # what comes at a rate is served at that rate, and users who wait longer ask less
    assert rate == pytest.approx(1 if "request_rate" in load else found.total_ms / plain.total_ms, rel=0.01)
    if plain.serving is not None:
        assert found.serving is not None
        assert found.serving.ttft.p99_ms == pytest.approx(plain.serving.ttft.p99_ms * factor(slow, "ttft"))
        slower = plain.serving.saturation_requests_per_s / found.serving.saturation_requests_per_s
        assert factor(slow, "tpot") < slower < factor(slow, "ttft")
    (note,) = (note for note in found.notes if note.subject == "calibration")
    assert "rows of yours" in note.text
    assert MODEL in note.text


def test_a_target_is_kept_less_often(slow: TimeCalibration) -> None:
    asked = {"tensor_parallel": 1, "concurrency": 16, "engine": "vllm"} | LOAD
    plain = estimate_serving(MODEL, "H100", **asked)
    assert plain.tpot_ms is not None
    target = {"tpot_target_ms": plain.tpot_ms * 1.2}
    good = [
        estimate_serving(MODEL, "H100", **asked, **target, calibration=one).serving.goodput_requests_per_s  # type: ignore[union-attr]
        for one in (None, slow)
    ]
    assert good[0] is not None
    assert good[1] is not None
    assert good[1] < good[0]


@pytest.mark.parametrize(("count", "student"), [(5, 1.533), (10, 1.383)])
def test_a_range_is_that_of_the_rows(count: int, student: float) -> None:
    found = calibrate(rows(count, each=lambda number: 1.1 ** (number % 2)))
    (spread,) = (math.log(one.spread) for one in found.factors if one.time == "tpot" and one.spread is not None)
    report = estimate_performance(MODEL, "H100", engine="vllm", tensor_parallel=1, calibration=found)
    assert report.tpot_interval_ms is not None
    assert report.tpot_ms is not None
    reach = math.log(report.tpot_interval_ms.high / report.tpot_ms)
    assert reach == pytest.approx(student * math.sqrt(1 + 1 / count) * spread, rel=0.05)
    assert report.tpot_interval_ms.evidence == f"calibrated on {count} rows of yours"


@pytest.mark.parametrize(("model", "count"), [(MODEL, 4), ("Qwen/Qwen3-4B", 10)])
def test_few_rows_or_another_model_keep_the_range(model: str, count: int) -> None:
    found = calibrate(rows(count, each=lambda _: 1.2))
    asked = {"engine": "vllm", "tensor_parallel": 1}
    plain, moved = (estimate_performance(model, "H100", **asked, calibration=one) for one in (None, found))
    assert plain.tpot_interval_ms is not None
    assert moved.tpot_interval_ms is not None
    # of another model the rows say what their factor is, of few rows what it was before stays in reach
    high = plain.tpot_interval_ms.high * factor(found, "tpot")
    assert moved.tpot_interval_ms.high == pytest.approx(high)
    assert f"calibrated on {count} rows of yours" in moved.tpot_interval_ms.evidence


@pytest.mark.parametrize("load", [{}, {"concurrency": 1}, {"concurrency": 64}, {"request_rate": 1}], ids=str)
def test_a_memory_gives_no_more_than_its_bandwidth(load: dict[str, Any], slow: TimeCalibration) -> None:
    fast = slow.as_mapping() | {"factors": [one | {"factor": 0.01} for one in slow.as_mapping()["factors"]]}
    asked = {"engine": "vllm", "tensor_parallel": 1} | LOAD | load
    report = estimate_performance(MODEL, "H100", calibration=fast, **asked)
    assert report.tpot_ms is not None
    # 8.19 G parameters in 16 bits, without the input table of 151,936 x 4,096, through 3.35 TB/s
    assert report.tpot_ms >= (8.19e9 - 151_936 * 4096) * 2 / 3.35e12 * 1e3
    # two operations a parameter of the layers and token, at 989.4 TFLOPS
    assert report.ttft_ms >= 6.95e9 * 2 * LOAD["input_tokens"] / 989.4e12 * 1e3
    plain = estimate_performance(MODEL, "H100", **asked)
    assert report.tpot_ms < plain.tpot_ms


# --- rows that cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tpot_ms": 0.0075}, "tpot_ms is better than the devices' peak and bandwidth allow"),
        ({"ttft_ms": 0.02}, "ttft_ms is better than the devices' peak and bandwidth allow"),
        ({"tpot_ms": 0}, "tpot_ms is not above 0"),
        ({"tpot_ms": -8}, "tpot_ms is not above 0"),
        ({"tpot_ms": 1e12}, "tpot_ms is more than 5 times off the estimate"),
        ({"tpot_ms": math.inf}, "tpot_ms is no number"),
    ],
)
def test_a_row_that_cannot_be_is_left_out_with_its_reason(wrong: dict[str, float], said: str) -> None:
    right = rows(6, each=lambda _: 1.2)
    found = calibrate([*right, right[0] | wrong])
    (reason,) = found.refused
    assert said in reason
    assert (found.rows, found.answered) == (7, 6)
    assert factor(found, "tpot") == factor(calibrate(right), "tpot")
    with pytest.raises(ArgumentError, match=said.replace("'", ".")):
        calibrate([right[0] | wrong])


def test_one_row_narrows_no_range() -> None:
    for times in (0.8, 1.0, 1.5):
        found = calibrate(rows(1, each=lambda _, times=times: times))  # type: ignore[misc]
        asked = {"engine": "vllm", "tensor_parallel": 1, "concurrency": 4} | LOAD
        plain, moved = (estimate_performance(MODEL, "H100", **asked, calibration=one) for one in (None, found))
        assert plain.tpot_interval_ms is not None
        assert moved.tpot_interval_ms is not None
        assert moved.tpot_interval_ms.low <= plain.tpot_interval_ms.low * 1.0001
        assert moved.tpot_interval_ms.high >= plain.tpot_interval_ms.high * 0.9999
        assert "one row of yours" in moved.tpot_interval_ms.evidence
        assert {one.spread for one in found.factors} == {None}
        assert "(one row)" in " ".join(note.text for note in moved.notes if note.subject == "calibration")


def test_the_engine_of_the_rows_is_taken(slow: TimeCalibration) -> None:
    assert estimate_performance(MODEL, "H100", tensor_parallel=1, calibration=slow).engine.startswith("vLLM")


def test_layouts_and_accelerators_take_it(slow: TimeCalibration) -> None:
    asked = {"engine": "vllm", "input_tokens": 1024, "output_tokens": 256}
    plain, found = (best_parallelism(MODEL, "H100", devices=1, calibration=one, **asked) for one in (None, slow))
    assert plain.best.tpot_ms is not None
    assert found.best.tpot_ms == pytest.approx(plain.best.tpot_ms * factor(slow, "tpot"))
    compared = compare_hardware(MODEL, ["H100", "H200"], calibration=slow, **asked)
    as_before = compare_hardware(MODEL, ["H100", "H200"], **asked)
    times, before = (
        {row.hardware: row.layout.tpot_ms for row in one.rows if row.layout} for one in (compared, as_before)
    )
    assert times["H200"] == before["H200"]
    assert before["H100_SXM"] is not None
    assert times["H100_SXM"] == pytest.approx(before["H100_SXM"] * factor(slow, "tpot"))


def test_its_file_says_the_same(tmp_path: Path, slow: TimeCalibration) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(slow.as_mapping()), encoding="utf-8")
    found = [
        estimate_performance(MODEL, "H100", tensor_parallel=1, calibration=one).tpot_ms
        for one in (slow, slow.as_mapping(), path, str(path))
    ]
    assert len(set(found)) == 1


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hardware": "H200"}, "no row of vllm on H200; it is of vllm on H100_SXM"),
        ({"hardware": "H100", "engine": "sglang"}, "no row of sglang on H100_SXM"),
    ],
)
def test_another_engine_or_card_is_refused(asked: dict[str, Any], said: str, slow: TimeCalibration) -> None:
    with pytest.raises(ArgumentError, match=said):
        estimate_performance(MODEL, tensor_parallel=1, calibration=slow, **asked)


@pytest.mark.parametrize("ask", [calculate_memory, max_batch_size])
def test_memory_takes_no_factors_of_times(ask: Callable[..., Any], slow: TimeCalibration) -> None:
    with pytest.raises(ArgumentError, match="of times"):
        ask(MODEL, hardware="H100", calibration=slow)


@pytest.mark.parametrize(
    "change",
    [
        {"factors": []},
        {"factors": 3},
        {"factors": [{"time": "ttft"}]},
        {"factors": [{"time": "soon", "engine": "vllm", "hardware": "H100_SXM", "n": 3, "factor": 1}]},
        {"factors": [{"time": "ttft", "engine": "vllm", "hardware": "H100_SXM", "n": 3, "factor": 0}]},
        {"factors": [{"time": "ttft", "engine": "vllm", "hardware": "H100_SXM", "n": 3, "factor": math.nan}]},
        {"factors": [{"time": "ttft", "engine": "vllm", "hardware": "H100_SXM", "n": 0, "factor": 1}]},
        {"more": 1},
    ],
)
def test_what_is_no_calibration_is_refused(change: dict[str, Any], slow: TimeCalibration) -> None:
    with pytest.raises(ArgumentError, match="calibration"):
        estimate_performance(MODEL, "H100", tensor_parallel=1, calibration=slow.as_mapping() | change)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "rows must be the path"),
        ([3], "rows must be the path"),
        (rows(1, engine="mystery"), "engine not described: mystery"),
        (rows(1, flag="load"), "all_rows"),
    ],
)
def test_rows_that_say_no_time_are_refused(given: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        calibrate(given)


# --- columns in others' words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        {"ttft_ms": "TTFT", "tpot_ms": "TPOT", "input_tokens": "ISL", "output_tokens": "OSL", "devices": "TP"},
        {"ttft_ms": "mean_ttft_ms", "tpot_ms": "Mean TPOT (ms)", "concurrency": "Users", "devices": "num_gpus"},
        {"hardware": "GPU", "model": "model_name", "input_tokens": "input_len", "tpot_ms": "ITL (ms)"},
    ],
)
def test_columns_may_have_others_names(words: dict[str, str], slow: TimeCalibration) -> None:
    measured = rows(first=lambda _: 2.0, each=lambda _: 1.3)
    called = [{words.get(name, name): value for name, value in row.items()} for row in measured]
    assert calibrate(called).factors == slow.factors


def test_a_file_s_own_column_comes_before_another_s_name() -> None:
    measured = rows(6)
    beside = [row | {"itl": row["tpot_ms"] * 9} for row in measured]
    assert calibrate(beside) == calibrate(measured)


@pytest.mark.parametrize("ask", [calibrate, validate])
def test_a_header_alone_says_nothing(ask: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,engine,concurrency,input_tokens,output_tokens,ttft_ms\n", encoding="utf-8")
    with pytest.raises(ArgumentError, match="has a header and no row; give a row a measurement"):
        ask(path)
