"""Prompts taken in chunk by chunk."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    estimate_chunked_performance,
    estimate_end_to_end_performance,
    estimate_prefill_performance,
)

from ..rows import each

CHUNKS = (64, 512, 1000, 2048, 8192)


def test_it_has_the_original_s_keys() -> None:
    result = estimate_chunked_performance("llama2_7b", system_name="A100_80GB")
    assert set(result) >= {
        "Latency",
        "Throughput",
        "Runtime_breakdown",
        "is_offload",
        "model_df",
        "summary_table",
        "num_chunks",
        "chunk_size",
        "chunked_processing",
    }
    assert (result["num_chunks"], result["chunk_size"], result["chunked_processing"]) == (4, 512, True)
    assert result["Throughput"] == pytest.approx(2048 / result["Latency"] * 1e3)
    assert sum(result["Runtime_breakdown"].values()) == pytest.approx(result["Latency"])
    assert len(result["summary_table"]) == 1


@each("model", ["llama2_7b", "mixtral_8x7b", "deepseek-ai/DeepSeek-V2-Lite"])
@each("tokens", [100, 2048, 5000])
def test_smaller_chunks_never_take_less_time(model: str, tokens: int) -> None:
    arguments: dict[str, Any] = {"batch_size": 3, "input_tokens": tokens, "system_name": "H200"}
    times = [estimate_chunked_performance(model, chunk_size=chunk, **arguments)["TTFT"] for chunk in CHUNKS]
    assert times == sorted(times, reverse=True)


def test_each_chunk_reads_the_weights() -> None:
    # 32 chunks of 512 read 13.2 GB of matrices each at no more than 2,039 GB/s, and no chunk computes above 312 TFLOPS
    result = estimate_chunked_performance("llama2_7b", input_tokens=16_384, system_name="A100_80GB", bits="bf16")
    assert result["num_chunks"] == 32
    assert result["Latency"] >= 32 * 13.2e9 / 2.039e12 * 1e3
    assert result["Latency"] >= 2 * 6.6e9 * 16_384 / 312e12 * 1e3


def test_one_chunk_is_the_whole_prompt_and_decode_does_not_change() -> None:
    whole = estimate_end_to_end_performance("llama2_7b", system_name="A100_80GB", tensor_parallel=2)
    one = estimate_chunked_performance("llama2_7b", chunk_size=2048, system_name="A100_80GB", tensor_parallel=2)
    many = estimate_chunked_performance("llama2_7b", chunk_size=128, system_name="A100_80GB", tensor_parallel=2)
    assert one["TTFT"] == estimate_prefill_performance("llama2_7b", system_name="A100_80GB", tensor_parallel=2)["TTFT"]
    assert one["TPOT"] == many["TPOT"] == whole["average_tpot"]
    assert many["Total_latency"] == pytest.approx(many["TTFT"] + 255 * many["TPOT"])


def test_smaller_chunks_hold_less() -> None:
    # a chunk of 16,384 tokens has more alive than one of 512 and is short of a card that holds just the smaller one; a
    # time is given all the same, with a warning
    room = {"Flops": 312, "Memory_BW": 2039, "Memory_size": 26.5}
    small, large = (
        estimate_chunked_performance(
            "meta-llama/Llama-3.1-8B",
            chunk_size=chunk,
            system_name=room,
            input_tokens=45_000,
            output_tokens=2,
            bits="bf16",
        )
        for chunk in (512, 16_384)
    )
    assert not any(note.subject == "memory" for note in small.end_to_end.notes)
    assert any("short by the estimate" in note.text for note in large.end_to_end.notes)


def test_what_sees_its_prompt_at_once_is_not_cut() -> None:
    with pytest.raises(ArgumentError, match="cannot be cut into chunks"):
        estimate_chunked_performance("google-t5/t5-base", system_name="H100")
    with pytest.raises(ArgumentError, match="chunk_size"):
        estimate_chunked_performance("llama2_7b", chunk_size=0, system_name="H100")
