"""What a sceptical reader looks for in an answer: limit, range, evidence, and no number that another contradicts."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("calculate_memory", {"model": "phi 4", "memory_gb": "16GB", "precision": "q4_k_m"}),
        ("estimate_performance", {"model": "Qwen3-30B-A3B", "hardware": "Ryzen AI Max+ 395", "precision": "q4_k_m"}),
        ("estimate_performance", {"model": "llama 3.1 70b", "hardware": "4xH100", "request_rate": 2}),
        ("max_batch_size", {"model": "llama3.1:8b", "hardware": "4090"}),
    ],
)
def test_a_short_answer_of_other_engines_and_parts_is_short(name: str, arguments: dict[str, Any]) -> None:
    said, values = answer(name, **arguments)
    structure = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    # characters a token, of such text and of such JSON
    assert len(said) / 3.6 + len(structure) / 3.2 <= 600


def test_what_a_value_says_no_note_of_the_structure_says_again() -> None:
    said, values = answer("calculate_memory", model="mixtral 8x22b", hardware="4xA100 80GB", seq_length="32k")
    assert "32k is read as 32,768 tokens" in said
    assert (values["seq_length"], values["tensor_parallel"]) == (32_768, 4)
    assert not [note for note in values.get("notes", ()) if "read as" in note or "TP4" in note]
    assert "counted as" in said
