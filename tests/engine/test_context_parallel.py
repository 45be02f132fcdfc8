"""Tensor ranks that share the tokens of a cache: vLLM's decode context parallelism (pull requests 23734 and 24864)."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from llm_memory_calculator import (
    CalculatorError,
    LayoutError,
    calculate_memory,
    estimate_performance,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.engines.launch import launch_line
from llm_memory_calculator.memory import verdict_of
from llm_memory_calculator.parallel import Parallelism, side_by_side
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.search import cells
from llm_memory_hardware import get_accelerator

LATENT, GROUPED = "deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-30B-A3B"
# 61 layers of a latent of 512 + 64 values of 2 bytes
LATENT_BYTES = 61 * 576 * 2
ON = {"hardware": "H200", "tensor_parallel": 8}


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_each_rank_keeps_its_share_of_the_tokens_in_blocks_of_all(ranks: int) -> None:
    report = calculate_memory(LATENT, **ON, context_parallel=ranks, batch_size=3, seq_length=30_001)
    assert report.context_parallel == ranks
    assert report.kv_cache_bytes == 3 * -(-30_001 // ranks) * LATENT_BYTES
    # a block of 16 tokens of each rank: of a sequence 16 x ranks
    blocks = -(-30_001 // (16 * ranks))
    assert report.kv_cache_bytes + report.cache_padding_bytes == 3 * blocks * 16 * LATENT_BYTES
    assert report.kv_cache_bytes_per_token == LATENT_BYTES / ranks


def test_the_cache_has_so_many_times_the_tokens() -> None:
    """ "kvcache token budget always increased by dcp times" (pull request 23734)."""

    def tokens(ranks: int) -> int:
        return max_batch_size(LATENT, **ON, context_parallel=ranks, find="tokens").kv_tokens

    assert tokens(8) == pytest.approx(8 * tokens(1), rel=1e-3)


def test_heads_that_are_kept_twice_are_shared() -> None:
    # 4 KV heads over 8 ranks: each is kept twice; 48 layers of keys and values of 128
    report = calculate_memory(GROUPED, **ON, context_parallel=2, batch_size=1, seq_length=10_000)
    assert report.kv_cache_bytes == 5_000 * 48 * 2 * 128 * 2


@pytest.mark.parametrize(
    ("model", "asked", "words"),
    [
        # vLLM's config/model.py: no more than tensor_parallel // KV heads
        (GROUPED, {"context_parallel": 4}, "2 such for each of the 4 KV heads"),
        ("meta-llama/Llama-3.1-70B", {"context_parallel": 2}, "8 KV heads"),
        ("meta-llama/Llama-3.1-70B", {"context_parallel": 2, "tensor_parallel": 4}, "none such for the 8 KV heads"),
        (LATENT, {"context_parallel": 3}, "does not divide tensor_parallel 8"),
        # "DCP not support sliding window", v1/kv_cache_interface.py
        ("openai/gpt-oss-20b", {"context_parallel": 2}, "windowed attention"),
        ("deepseek-ai/DeepSeek-V3.2", {"context_parallel": 2}, "indexer"),
        ("state-spaces/mamba-2.8b-hf", {"context_parallel": 2}, "recurrent state"),
        (LATENT, {"context_parallel": 2, "engine": "sglang"}, "of which it is not counted"),
        (LATENT, {"context_parallel": 2, "engine": "llama_cpp", "tensor_parallel": 2}, "of which it is not counted"),
        (LATENT, {"context_parallel": 2, "engine_version": "0.10"}, "from 0.11.1 on"),
        (LATENT, {"context_parallel": 2, "kv_precision": "fp8"}, "a cache in fp8"),
        (LATENT, {"context_parallel": 2, "hardware": "TPU v5e"}, "cuda and rocm alone"),
        (LATENT, {"dcp": 2}, "It is context_parallel here"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_where_it_cannot_be_it_is_refused(model: str, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(CalculatorError) as refused:
        calculate_memory(model, **{**ON, **asked})
    assert words in str(refused.value)


def test_long_caches_are_read_sooner_and_short_ones_pay_for_the_messages() -> None:
    def tpot(ranks: int, batch: int, tokens: int) -> float:
        asked = {"batch_size": batch, "input_tokens": tokens, "output_tokens": 100, "tensor_parallel": 8}
        return estimate_performance(LATENT, "H200", context_parallel=ranks, **asked).tpot_ms

    assert tpot(8, 16, 40_000) < tpot(1, 16, 40_000)
    assert tpot(8, 1, 500) > tpot(1, 1, 500)
    # 85 GB of weights a device are read at 4.8 TB/s or slower only where all experts are hit: the cache's share alone
    # can be saved, 16 x 40,000 x 70,272 bytes at 4.8 TB/s
    saved = tpot(1, 16, 40_000) - tpot(8, 16, 40_000)
    assert saved < 1.5 * 16 * 40_100 * LATENT_BYTES / 4.8e12 * 1e3


def test_its_range_says_that_nothing_was_measured() -> None:
    asked = {"batch_size": 4, "input_tokens": 4000, "output_tokens": 100, "tensor_parallel": 8}
    report = estimate_performance(LATENT, "H200", context_parallel=8, **asked)
    assert report.tpot_interval_ms.evidence.startswith("no evidence: no run with context parallelism")
    assert report.tpot_interval_ms.high >= 2 * report.tpot_ms
    assert "context 8" in str(report)
    assert any(note.subject == "context_parallel" and note.origin == "warning" for note in report.notes)
    with pytest.raises(LayoutError, match="prefill_workers"):
        estimate_performance(LATENT, "H200", tensor_parallel=8, context_parallel=8, prefill_workers=1, concurrency=4)


def deployed(name: str) -> Deployment:
    model, accelerator = load_model(name), get_accelerator("H200")
    return Deployment(
        model=model,
        formats=model.formats("bf16", None),
        engine=engine_for("vllm", device=device_of(accelerator)),
        layout=Parallelism(),
        accelerator=accelerator,
        devices=8,
    )


def test_the_line_that_starts_it_says_so() -> None:
    layout = Parallelism(tensor=8, context=4)
    line = launch_line(deployed(LATENT).engine, LATENT, layout, longest=8192)
    assert line is not None
    assert "--tensor-parallel-size 8" in line
    assert "--decode-context-parallel-size 4" in line


@pytest.mark.parametrize("name", [LATENT, GROUPED])
def test_layouts_side_by_side_are_as_each_alone(name: str) -> None:
    deployment, load = deployed(name), Load(sequences=24, tokens=9001, output=200)
    members = [Parallelism(tensor=8), Parallelism(tensor=8, context=2), Parallelism(tensor=4, data=2)]
    if name == LATENT:
        members.append(Parallelism(tensor=8, context=8))
    offered = side_by_side(members)
    needs = cells.held(deployment, load, offered).needs
    ttft, tpot = cells.times(deployment, load, offered)
    each = [deployment.laid_out(layout) for layout in members]
    assert list(needs) == [verdict_of(one, load).need.total for one in each]
    numpy.testing.assert_allclose(ttft, [prefill_time(one, load).total for one in each], rtol=1e-12)
    numpy.testing.assert_allclose(tpot, [decode_time(one, load).total for one in each], rtol=1e-12)
