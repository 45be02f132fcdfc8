"""Rows scored by what other rows say: a group's own measurements never touch its estimates, what all share is found.

The estimates are 10 ms each and what was measured is a known factor of them, so that a refit must find the factor.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm_memory_calculator.report import Interval
from llm_memory_calculator.validation import Score, ValidationReport, validate
from llm_memory_calculator.validation.bias import biases
from llm_memory_calculator.validation.kinds import Answer
from llm_memory_calculator.validation.refit import cross_validated, shrunk
from llm_memory_calculator.validation.scores import Comparison
from llm_memory_calculator.validation.serving_runs import serving_kind

HEADER = "model,hardware,engine,devices,concurrency,input_tokens,output_tokens,tpot_ms"
MODELS = ("Qwen/Qwen3-32B", "Qwen/Qwen3-8B", "Qwen/Qwen3-4B", "Qwen/Qwen3-14B", "meta-llama/Llama-3.1-8B")


def answers(count: int, factor: float, **of: str) -> list[Answer]:
    value = Comparison(metric="tpot_ms", measured=10 * factor, estimated=10, low=9, high=11)
    told = {"model": "m", "system": "H100", "engine": "vllm"} | of
    return [Answer(**told, values=(value,), traits={"class": "dense"}) for _ in range(count)]


def by_model(answer: Answer) -> str:
    return answer.model


def estimates(found: list[Answer], model: str) -> set[float]:
    return {value.estimated for answer in found if answer.model == model for value in answer.values}


# --- the means of groups ---------------------------------------------------------------------------------------------


def test_many_rows_say_their_own_mean_and_few_are_drawn_to_none() -> None:
    found = [shrunk({("tpot",): [math.log(2)] * count})[("tpot",)] for count in (1, 10, 100, 100_000)]
    assert found == sorted(found)
    assert 0 < found[0] < 0.5 * math.log(2)
    assert 0.5 * math.log(2) < found[1] < math.log(2)
    assert found[-1] == pytest.approx(math.log(2), rel=1e-3)


def test_a_group_of_few_rows_is_drawn_to_its_neighbours() -> None:
    others = {("tpot", f"engine {number}"): [math.log(2)] * 1000 for number in range(20)}
    found = shrunk({**others, ("tpot", "new"): [0.0]})
    assert found[("tpot", "new")] > 0.5 * math.log(2)
    alone = shrunk({("tpot", "new"): [0.0]})
    assert alone[("tpot", "new")] == 0


def test_one_row_far_off_moves_no_group() -> None:
    rows = [math.log(1.1)] * 30
    plain, off = shrunk({("tpot",): rows}), shrunk({("tpot",): [*rows, math.log(150)]})
    assert off[("tpot",)] == pytest.approx(plain[("tpot",)], rel=0.02)


def test_no_rows_say_nothing() -> None:
    assert shrunk({}) == {}


# --- rows scored by others' ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [0.01, 100.0])
def test_a_group_s_own_rows_never_touch_its_estimates(other: float) -> None:
    shared = [*answers(50, 1.3, model="a"), *answers(50, 1.2, model="b")]
    plain = cross_validated([*shared, *answers(40, 1.3, model="c")], by_model)
    moved = cross_validated([*shared, *answers(40, other, model="c")], by_model)
    assert estimates(moved, "c") == estimates(plain, "c")
    # and those of the others move with them
    assert estimates(moved, "a") != estimates(plain, "a")


def test_what_all_models_share_is_found_for_one_left_out() -> None:
    rows = [row for number in range(30) for row in answers(200, 1.5, model="m", system=f"{number}")]
    found = cross_validated([*rows, *answers(5, 1.5, model="new", system="3")], by_model)
    (estimate,) = estimates(found, "new")
    assert 14 < estimate < 15
    # its range goes with it
    (value,) = found[-1].values
    assert (value.low, value.high) == (pytest.approx(0.9 * estimate), pytest.approx(1.1 * estimate))


def test_a_system_s_factor_stays_on_it() -> None:
    slow = [row for model in "abcdef" for row in answers(200, 2.0, model=model, system="L4")]
    fast = [row for model in "abcdef" for row in answers(200, 1.0, model=model, system="H100")]
    ones = [*answers(1, 2.0, model="new", system="L4"), *answers(1, 1.0, model="newer")]
    found = cross_validated([*slow, *fast, *ones], by_model)
    (on_slow,), (on_fast,) = estimates(found, "new"), estimates(found, "newer")
    assert on_slow > 1.4 * on_fast


def test_rows_of_one_group_alone_keep_their_estimates() -> None:
    assert estimates(cross_validated(answers(50, 3.0), by_model), "m") == {10}


# --- in a report -----------------------------------------------------------------------------------------------------


def report_of(tmp_path: Path, *rows: str, **how: Any) -> ValidationReport:
    def estimate(*_: Any, **__: Any) -> Any:
        interval = Interval(low=9.0, high=11.0, level=0.8, evidence="")
        return SimpleNamespace(
            tpot_ms=10.0, tpot_interval_ms=interval, serving=None, prefill_phase=None, decode_phase=None
        )

    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return validate(path, kinds=(serving_kind(estimate),), **how)


def test_both_scores_are_told(tmp_path: Path) -> None:
    rows = [f"{model},H100,vllm,2,{users},1024,128,13" for model in MODELS for users in range(1, 101)]
    report = report_of(tmp_path, *rows, cross_validate="model")
    plain, found = report.metrics["tpot_ms"], report.cross_validated
    assert found is not None
    assert isinstance(plain, Score)
    assert plain.bias == pytest.approx(100 * (10 / 13 - 1))
    assert (found.left_out, found.groups, list(found.by)) == ("model", len(MODELS), sorted(MODELS))
    score = found.metrics["tpot_ms"]
    assert isinstance(score, Score)
    assert plain.bias < score.bias < 0
    assert (plain.coverage_80, score.coverage_80) == (0, 100)
    assert report_of(tmp_path, *rows).cross_validated is None


def test_one_system_alone_is_scored_as_it_is(tmp_path: Path) -> None:
    rows = [f"{model},H100,vllm,2,8,1024,128,13" for model in MODELS]
    report = report_of(tmp_path, *rows, cross_validate="system")
    assert report.cross_validated is not None
    assert report.cross_validated.metrics == report.metrics


@pytest.mark.parametrize(("held", "off"), [(29, True), (30, False), (36, False), (37, True)])
def test_a_cell_says_how_much_of_it_ranges_hold(held: int, off: bool) -> None:
    (cell,) = biases(("tpot_ms",), [*answers(held, 1.05), *answers(40 - held, 0.8)])
    assert (cell.by, cell.cell, cell.coverage_80) == ("class", "dense", 2.5 * held)
    assert cell.coverage_off is off
