"""Layers shared across nodes against published runs."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import estimate_performance, estimate_serving
from llm_memory_calculator.report import EndToEndReport

R1 = "deepseek-ai/DeepSeek-R1"
ONE_USER: dict[str, Any] = {"concurrency": 1, "input_tokens": 2048, "output_tokens": 128}
PAIR: dict[str, Any] = {"hardware": "GB10", "devices": 2, "tensor_parallel": 2, "engine": "vllm"}
TWO_NODES: dict[str, Any] = {"hardware": "H100", "devices": 16, "tensor_parallel": 16}


def served(model: str, **asked: Any) -> EndToEndReport:
    report = estimate_serving(model, **ONE_USER | asked)
    assert isinstance(report, EndToEndReport)
    return report


@pytest.mark.parametrize(
    ("model", "asked", "tokens_per_s"),
    [
        # tenstorrent/tt-inference-server issue 356: SGLang over InfiniBand, June 2025, 23.3 ms a token
        (R1, TWO_NODES | {"engine": "sglang"}, 42.9),
        # sgl-project/sglang issue 3656: vLLM, February 2025
        (R1, TWO_NODES | {"engine": "vllm"}, 30.0),
        # vllm-project/vllm issue 11539: SGLang, January 2025
        ("deepseek-ai/DeepSeek-V3", TWO_NODES | {"engine": "sglang"}, 26.0),
        # kubis.ai, 2026: two DGX Spark, 1,024 tokens in, 128 out
        ("openai/gpt-oss-120b", PAIR, 69.0),
        ("google/gemma-4-26B-A4B-it", PAIR | {"precision": "fp8"}, 57.93),
        ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", PAIR, 22.97),
        # conselara.dev, 2026
        ("Qwen/Qwen3-235B-A22B", PAIR | {"precision": "int4", "kv_precision": "fp8"}, 17.0),
        ("Qwen/Qwen3-235B-A22B", PAIR | {"precision": "nvfp4", "engine": "tensorrt_llm"}, 11.73),
    ],
)
def test_a_published_rate_of_one_user_lies_in_a_range_that_says_something(
    model: str, asked: dict[str, Any], tokens_per_s: float
) -> None:
    found = served(model, **asked).decode_tokens_per_s_each_interval
    assert found is not None
    assert found.low < tokens_per_s < found.high
    assert found.high <= 4 * found.low


def test_what_little_was_measured_over_nodes_is_said_and_no_run_of_one_node_stands_for_it() -> None:
    far, near = served(R1, **TWO_NODES), served(R1, hardware="H200", devices=8, tensor_parallel=8)
    assert far.tpot_interval_ms is not None
    assert near.tpot_interval_ms is not None
    assert far.tpot_interval_ms.evidence.startswith("across nodes little was measured")
    assert "across nodes" not in near.tpot_interval_ms.evidence
    static = estimate_performance(R1, **TWO_NODES)
    assert isinstance(static, EndToEndReport)
    assert static.tpot_interval_ms is not None
    assert static.tpot_interval_ms.evidence.startswith("across nodes little was measured")


def test_the_way_over_nodes_is_said_once_and_no_pipeline_that_is_none() -> None:
    notes = [note for note in served(R1, **TWO_NODES).notes if "across nodes" in note.text or "crosses" in note.text]
    assert [note.subject for note in notes] == ["tensor_parallel"]
    assert "50 GB/s a device" in notes[0].text
    assert "assumed" in notes[0].text
    piped = served(R1, hardware="H100", devices=16, tensor_parallel=8, pipeline_parallel=2)
    ways = [note for note in piped.notes if "nodes" in note.text]
    assert [note.subject for note in ways] == ["pipeline_parallel"]
    # two of one device each have no bus between them
    pair = served("openai/gpt-oss-120b", **PAIR)
    assert not any("PCIe" in note.text for note in pair.notes)


def test_a_small_sum_takes_as_long_as_the_library_does_between_nodes() -> None:
    # NCCL by itself takes 31 us and more for up to 16 KB over two nodes with InfiniBand, without RDMA 123 to 159
    report = estimate_performance(R1, **TWO_NODES, batch_size=1, detail="full")
    assert isinstance(report, EndToEndReport)
    assert report.decode_phase is not None
    collective = next(line.value for line in report.decode_phase.breakdown if line.name == "collective")
    assert 31e-3 < collective / (2 * 61) < 123e-3


@pytest.mark.parametrize(("ranks", "dispatch_us", "combine_us"), [(16, 118, 195), (32, 155, 273)])
def test_an_exchange_takes_as_long_as_one_that_was_measured(ranks: int, dispatch_us: float, combine_us: float) -> None:
    # deepseek-ai/DeepEP 0297fc80, docs/legacy.md: H800 with 400 Gb/s each, 128 tokens a rank, 8 experts each; 58 layers
    # of DeepSeek-V3 exchange them
    layout = {"data_parallel": ranks, "expert_parallel": ranks, "tensor_parallel": 1}
    report = estimate_performance(R1, "H200", **layout, batch_size=128 * ranks, input_tokens=128, output_tokens=2)
    assert isinstance(report, EndToEndReport)
    assert report.decode_phase is not None
    collective = next(line.value for line in report.decode_phase.breakdown if line.name == "collective")
    assert collective * 1e3 / 58 == pytest.approx(dispatch_us + combine_us, rel=0.4)
