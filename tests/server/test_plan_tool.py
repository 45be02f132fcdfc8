"""A plan as a tool answers it: short, plans under columns that are said once, all of it in full detail."""

import functools
import json
from typing import Any

import pytest

from llm_memory_server import tools

LOAD = {"model": "meta-llama/Llama-3.1-70B", "request_rate": 4, "input_tokens": 2000, "output_tokens": 300}
# Characters of a token of text, and of JSON with its numbers.
OF_TEXT, OF_JSON = 3.6, 3.2


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
    assert len(text) / OF_TEXT + len(json.dumps(structure, separators=(",", ":"))) / OF_JSON <= 600


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
        assert "asked" not in short
    # the engine with the format of its cache, and the least target that can be asked, as they are
    first = rows_of(full)[0]
    assert f"{first['engine'].split(',')[0]}, {first['kv_precision']} cache" in text
    assert full["asked"]["request_rate"] == 4
    assert "TPOT <= 0.001 ms" in answered(tpot_target_ms=0.001)[0]


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
