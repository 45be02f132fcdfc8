"""A plan as a tool answers it: short, plans under columns that are said once, all of it in full detail."""

import functools
import json
from typing import Any

import pytest

from llm_memory_server import tools

LOAD = {"model": "meta-llama/Llama-3.1-70B", "request_rate": 4, "input_tokens": 2000, "output_tokens": 300}
# Characters of a token; of text alone 3.6, of JSON with its numbers 3.2.
OF_BOTH, OF_TEXT, OF_JSON = 4, 3.6, 3.2


@functools.cache
def answered(**asked: Any) -> tuple[str, dict[str, Any]]:
    result = tools.call("plan_deployment", {name: value for name, value in (LOAD | asked).items() if value is not None})
    text, structure = result.content[0].text, result.structured_content  # type: ignore[union-attr]
    assert structure is not None
    return text, structure


def rows_of(structure: dict[str, Any]) -> list[dict[str, Any]]:
    table = structure["plans"]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


@pytest.mark.parametrize(
    "asked",
    [
        {"ttft_target_ms": 1500, "tpot_target_ms": 50},
        {"ttft_target_ms": 1500, "tpot_target_ms": 50, "percentile": "p95", "budget_usd_per_hour": 100},
        {"tpot_target_ms": 1},
        {"request_rate": None, "hardware": "8 x H100", "tpot_target_ms": 40},
        {"request_rate": None, "concurrency": 50, "think_time_s": 10},
        {"request_rate": None},
    ],
)
def test_text_and_structure_together_take_at_most_600_tokens(asked: dict[str, Any]) -> None:
    text, structure = answered(**asked)
    assert len(text) + len(json.dumps(structure, separators=(",", ":"))) <= 600 * OF_BOTH


def test_full_detail_takes_at_most_4000_tokens() -> None:
    text, structure = answered(ttft_target_ms=1500, tpot_target_ms=50, detail="full")
    assert len(text) / OF_TEXT + len(json.dumps(structure, separators=(",", ":"))) / OF_JSON <= 4000


def test_plans_stand_under_columns_and_full_has_the_rest() -> None:
    text, short = answered(tpot_target_ms=50)
    _, full = answered(tpot_target_ms=50, detail="full")
    assert 1 <= len(rows_of(full)) <= 5
    for said, plan in zip(rows_of(short), rows_of(full), strict=True):
        assert said.items() <= plan.items()
        assert f"{plan['devices']} x {plan['hardware']}" in text
        assert f"{said['tpot_ms']:.3g} ({' to '.join(f'{end:.3g}' for end in said['tpot_range_ms'])})" in text
        assert plan["ledger"]["parts"]
        # what a script acts on, with the load that it is of
        assert said["why"]
        assert said["usd_per_hour"]
        assert said["usd_per_million_output_tokens"]
    load = {"request_rate": 4, "input_tokens": 2000, "output_tokens": 300, "tpot_target_ms": 50, "percentile": "mean"}
    assert short["asked"] == load
    # the engine with the format of its cache, and the least target that can be asked, as they are
    first = rows_of(full)[0]
    assert f"{first['engine'].split(',')[0]}, {first['kv_precision']} cache" in text
    assert full["asked"]["request_rate"] == 4
    assert "TPOT <= 0.001 ms" in answered(tpot_target_ms=0.001)[0]


def test_the_first_plan_that_can_be_started_is_told_with_its_line() -> None:
    # at one price an int4 that no repository is stored in stands first, and the checkpoint as it is second
    asked = {"model": "llama3.1_8b", "hardware": "A100_80GB", "request_rate": 3}
    text, structure = answered(**asked)
    _, full = answered(**asked, detail="full")
    plans = rows_of(full)
    number = next(number for number, plan in enumerate(plans, 1) if plan["launch"])
    assert number > 1
    line = plans[number - 1]["launch"]
    assert line.startswith("vllm serve meta-llama/Llama-3.1-8B")
    assert (structure["first_to_start"], structure["launch"]) == (number, line)
    assert f"{number}: {line}" in text
    assert [bool(row["no_launch"]) for row in rows_of(structure)] == [not plan["launch"] for plan in plans]
    assert plans[0]["no_launch"] in text


def test_the_nearest_miss_is_a_plan_of_its_own() -> None:
    text, structure = answered(tpot_target_ms=1)
    assert rows_of(structure) == []
    near = structure["nearest"]
    assert near["meets"] == "no"
    assert near["tpot_range_ms"][0] > 1
    assert f"{near['devices']} x {near['hardware']}" in text


def test_the_rate_is_told_where_it_was_not_asked() -> None:
    assert "requests_per_s" not in rows_of(answered()[1])[0]
    users = rows_of(answered(request_rate=None, concurrency=50, think_time_s=10)[1])
    assert all(0 < row["requests_per_s"] <= 5 for row in users)
