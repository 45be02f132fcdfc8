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
    assert "B200" not in values["fits"]
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


@pytest.mark.parametrize(
    ("model", "hardware", "engine"),
    [
        ("Qwen2.5-7B-Instruct", "RTX 4090", "vllm"),
        ("mixtral 8x7b", "H200", "sglang"),
        ("bge-m3", "T4", "vllm"),
        ("whisper-large-v3", "L4", "vllm"),
        ("mamba-2.8b", "RTX 3090", "vllm"),
        ("flux.1-dev", "A100 80GB", "diffusers"),
        ("llama 3.1 8b q4_k_m", "RTX 4090", "ollama"),
        ("llama 3.1 8b", "H100", "tensorrt-llm"),
    ],
)
def test_a_yes_says_the_room_that_a_larger_load_takes(model: str, hardware: str, engine: str) -> None:
    load: dict[str, Any] = {"model": model, "hardware": hardware, "engine": engine}
    said, values = answer("calculate_memory", **load)
    more = answer("calculate_memory", **load, batch_size=4)[1]
    assert said.startswith("It fits")
    spare = f"{values['device_margin_bytes'] / 1e9:,.1f} GB a device to spare"
    assert spare in said.partition("\n")[0]
    # what the larger load takes is missing from it: a condition that hangs on no load would stay as it is
    parts = ("kv_cache_bytes", "state_memory_bytes", "cache_padding_bytes")
    kept = sum(more.get(part, 0) - values.get(part, 0) for part in parts)
    passes = more["activation_memory_bytes"] - values["activation_memory_bytes"]
    assert 0.99 * kept <= values["device_margin_bytes"] - more["device_margin_bytes"] <= kept + passes + 1e8


@pytest.mark.parametrize(("model", "hardware"), [("flux.1-dev", "H100"), ("bge-m3", "T4"), ("mamba-2.8b", "L4")])
def test_a_model_without_a_cache_has_no_format_of_one(model: str, hardware: str) -> None:
    for name in ("calculate_memory", "estimate_performance", "describe_model"):
        said, values = answer(name, model=model, **({} if name == "describe_model" else {"hardware": hardware}))
        assert "KV cache" not in said
        assert "kv_precision" not in values


@pytest.mark.parametrize("hardware", ["M3 Max", "H200"])
def test_room_is_the_same_in_tokens_and_in_bytes(hardware: str) -> None:
    said, values = answer("calculate_memory", model="llama 3.1 8b q4_k_m", hardware=hardware, engine="llama.cpp")
    (room, tokens) = re.findall(r"Room for a cache: ([\d.]+) GiB, one request of up to ([\d,]+) tokens", said)[0]
    held = float(room) * 2**30 / values["kv_cache_bytes_per_token"]
    # llama.cpp lets a request be no longer than the model's own limit
    assert int(tokens.replace(",", "")) == min(values["max_length"], held // 1)


def test_a_length_beyond_the_model_is_no_plain_yes() -> None:
    asked = {"model": "Qwen2.5-7B-Instruct", "hardware": "H100", "seq_length": 131_072}
    # vLLM is counted whether it is named or not, and says no to both
    for named in ({}, {"engine": "vllm"}):
        said, values = answer("calculate_memory", **asked, **named)
        assert (values["fits_device"], values["verdict"]) == (False, "does not fit")
        assert said.startswith("It does NOT start")
        assert "the model stops at 32,768 tokens" in said.partition("\n")[0]
        assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN=1" in said.partition("\n")[0]
    for name, length in (("compare_hardware", "input_tokens"), ("max_batch_size", "seq_length")):
        said, _ = answer(name, model=asked["model"], hardware="H100", **{length: 100_000})
        assert "exceed the 32,768 that the model's config allows, and vLLM refuses" in said
    said, values = answer("calculate_memory", **asked, engine="llama.cpp")
    # which warns and runs on (llama-context.cpp: "possible training context overflow")
    assert values["fits_device"]
    assert "but the model stops at 32,768 tokens" in said.partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("calculate_memory", {"model": "llama-3.3-70b", "hardware": "A100 80GB"}),
        ("calculate_memory", {"model": "mixtral 8x7b", "hardware": "A100 80GB", "seq_length": 32_768}),
        ("calculate_memory", {"model": "flux.1-dev", "hardware": "RTX 3090"}),
        ("estimate_performance", {"model": "flux.1-dev", "hardware": "H100"}),
    ],
)
def test_a_no_is_short_too(name: str, arguments: dict[str, Any]) -> None:
    said, values = answer(name, **arguments)
    assert len(said) / 3.6 + len(json.dumps(values, ensure_ascii=False, separators=(",", ":"))) / 3.2 <= 600


def test_a_format_that_was_given_is_not_said_to_be_taken() -> None:
    for precision, taken in ((None, True), ("bf16", False), ("fp8", False)):
        said, _ = answer("calculate_memory", model="flux.1-dev", **({"precision": precision} if precision else {}))
        assert ("pipelines state no format" in said) == taken


def test_a_change_that_puts_another_condition_in_doubt_is_said_with_what_settles_that() -> None:
    asked: dict[str, Any] = {"model": "Qwen2.5-VL-72B-Instruct", "hardware": "4x A100_40GB", "engine": "vllm"}
    # beside a share of 95 % there is little room for graphs, whatever the weights
    share: dict[str, Any] = {"precision": "bf16", "tensor_parallel": 4, "gpu_memory_utilization": 0.95}
    said, _ = answer("calculate_memory", **asked, **share)
    (mending,) = re.findall("Any of these mends it: (.*)", said)
    assert "precision fp8 and gpu_memory_utilization 0.9 (+" in mending
    again, _ = answer("calculate_memory", **asked, **share | {"precision": "fp8", "gpu_memory_utilization": 0.9})
    assert again.startswith("It fits on")
