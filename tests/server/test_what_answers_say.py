"""What a sceptical reader looks for in an answer: limit, range, evidence, and no number that another contradicts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llm_memory_server.tools import call


def answer(name: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = call(name, arguments)
    (block,) = result.content
    assert result.structured_content is not None
    return str(getattr(block, "text", "")), result.structured_content


@pytest.mark.parametrize("load", [{"concurrency": 8}, {"request_rate": 2}, {"batch_size": 8}])
def test_an_answer_about_speed_has_memory_limit_and_evidence(load: dict[str, Any]) -> None:
    said, values = answer("estimate_performance", model="llama3.1_8b", hardware="H100", **load)
    assert "a device to spare" in said
    assert f"own limit is {values['max_length']:,} tokens" in said
    assert f"Ranges: {values['evidence']}" in said


def test_only_what_mends_is_said_to_mend() -> None:
    asked = {"model": "llama 3.3 70b instruct", "hardware": "2x A100 80GB", "seq_length": "32k"}
    said, values = answer("calculate_memory", **asked)
    (mending,) = re.findall("Any of these mends it: (.*)", said)
    (borderline,) = re.findall("borderline with: (.*)", said)
    verdicts = {one["change"]: one.get("verdict", "fits") for one in values["remedies"]}
    assert set(verdicts.values()) == {"fits", "borderline"}
    for change, verdict in verdicts.items():
        assert any(
            said.startswith(f"{change} (") for said in (mending if verdict == "fits" else borderline).split("; ")
        )


def test_a_change_that_gains_no_memory_is_said_without_a_gain() -> None:
    said, _ = answer(
        "calculate_memory", model="mistral 7b", precision="int4", hardware="RTX 3060 12GB", seq_length=4096
    )
    assert "enforce_eager true" in said
    assert "+0.0 GB" not in said


def test_the_fewest_devices_are_one_number() -> None:
    said, values = answer("calculate_memory", model="kimi k2", find="devices", hardware="B200")
    assert values["fewest_devices"] == values["devices"] == 7
    assert "8 x B200" not in said
    assert "B200" not in [fit["hardware"] for fit in values["fits"]]
    assert values["fits"]
