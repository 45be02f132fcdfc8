"""An engine's share of a device that leaves too little beside it: a smaller one is named, and not a lack of memory."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import estimate_serving
from llm_memory_calculator.report import EndToEndReport


def served(model: str, **asked: Any) -> EndToEndReport:
    report = estimate_serving(model, concurrency=1, input_tokens=2048, output_tokens=128, **asked)
    assert isinstance(report, EndToEndReport)
    return report


@pytest.mark.parametrize("devices", [1, 2])
def test_a_share_that_the_system_leaves_no_room_for_is_named_with_one_that_starts(devices: int) -> None:
    # MiaAI-Lab/GLM-5.3-Flash-EXL3-2x-DGX-Sparks issue 47: 101 to 102 GiB of 121.69 are free on a DGX Spark, where 0.87
    # fails and 0.82 starts; gpt-oss-120b runs on one
    asked = {"hardware": "GB10", "devices": devices, "engine": "vllm"}
    short = served("openai/gpt-oss-120b", **asked)
    (note,) = [note for note in short.notes if note.subject == "memory"]
    assert "gpu_memory_utilization 0.92 claims more" in note.text
    assert "to spare to" in note.text
    assert "missing)" in note.text
    assert "gpu_memory_utilization 0.81 mends it" in note.text
    starts = served("openai/gpt-oss-120b", **asked, gpu_memory_utilization=0.81)
    assert not [note for note in starts.notes if note.subject == "memory"]
    assert starts.tpot_ms == short.tpot_ms
