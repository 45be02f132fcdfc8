"""A comparison's structured answer: each column once, none that says nothing, and short enough to be read."""

import json

import pytest

from llm_memory_calculator import compare_hardware
from llm_memory_server.columns import PATHS, in_columns
from llm_memory_server.tools import call

MODEL = "meta-llama/Llama-3.1-70B"


def test_rows_are_columns_with_their_values() -> None:
    report = compare_hardware(MODEL, ["H100", "A100_80GB", "T4"], batch_size=4, devices=8)
    told = in_columns(report.rows, full=False)
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    assert [row["hardware"] for row in rows] == [row.hardware for row in report.rows]
    for row, said in zip(report.rows, rows, strict=True):
        if row.layout is None or row.tpot_interval_ms is None:
            assert said["tpot_ms"] is None
            assert said["reason"] == row.reason
            continue
        assert said["tpot_ms"] == pytest.approx(row.layout.tpot_ms, rel=1e-3)
        assert said["tpot_range_ms"] == pytest.approx([row.tpot_interval_ms.low, row.tpot_interval_ms.high], rel=1e-3)
        assert said["tensor_parallel"] == row.layout.tensor_parallel
    assert "max_batch_size" not in told["columns"]
    assert set(told["columns"]) <= set(PATHS)


def test_a_load_that_rows_say_each_is_not_said_of_all() -> None:
    asked = {"model": MODEL, "hardware": ["H100", "H200"], "devices": 8}
    longest = call("compare_hardware", asked | {"goal": "context"}).structured_content or {}
    assert "input_tokens" not in longest
    rows = [dict(zip(longest["rows"]["columns"], row, strict=True)) for row in longest["rows"]["rows"]]
    assert all(row["input_tokens"] + longest["output_tokens"] == row["longest_context"] for row in rows)
    most = call("compare_hardware", asked | {"goal": "batch"}).structured_content or {}
    assert "batch_size" not in most
    assert most["input_tokens"] == 2048
    assert "batch_size" in (call("compare_hardware", asked).structured_content or {})


def test_the_default_answer_is_short() -> None:
    answer = call("compare_hardware", {"model": MODEL})
    text = answer.content[0].text  # type: ignore[union-attr]
    # 600 tokens of some 3.13 characters; the answer with a nested object a row was 5,300
    assert len(text) + len(json.dumps(answer.structured_content, separators=(",", ":"))) < 1_880
    structure = answer.structured_content or {}
    assert structure["compared"] > len(structure["rows"]["rows"]) == 3
