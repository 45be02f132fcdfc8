"""Measured runs on accelerators without measured kernels, each inside the range; and what is said of evidence."""

import math
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from llm_memory_calculator import (
    DoesNotFitError,
    EndToEndReport,
    LayoutError,
    estimate_performance,
)
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.facts import table
from llm_memory_calculator.performance.machine import kind_of, machine_for
from llm_memory_hardware import all_accelerators, find_accelerator

from ..rows import each


def estimated(model: str, hardware: str, batch: int, tokens: int, output: int, **asked: object) -> EndToEndReport:
    return estimate_performance(
        model, hardware, batch_size=batch, input_tokens=tokens, output_tokens=output, **({"tensor_parallel": 1} | asked)
    )


FP16 = {"precision": "fp16"}
V0 = {"engine_version": "0.5"}
SECOND = {"engine_version": "0.7.3"}


@each(
    ("model", "hardware", "batch", "tokens", "output", "asked", "tokens_per_s"),
    [
        # output tokens a second of static batches, prompts included in the time: Argonne's figures
        ("meta-llama/Llama-2-7b-hf", "Gaudi 2", 32, 256, 256, FP16 | V0, 2310.6),
        ("meta-llama/Meta-Llama-3-70B", "Gaudi 2", 1, 256, 256, FP16 | V0 | {"tensor_parallel": 2}, 26.74),
        ("meta-llama/Llama-2-70b-hf", "MI300X", 32, 2048, 2048, FP16 | V0 | {"tensor_parallel": 8}, 689.2),
        ("meta-llama/Meta-Llama-3-8B", "MI250_GCD", 16, 512, 512, FP16 | V0 | {"tensor_parallel": 2}, 775.4),
        ("meta-llama/Meta-Llama-3-8B", "Max_1550_Stack", 64, 256, 256, FP16 | V0, 880.6),
        (
            "meta-llama/Meta-Llama-3-8B",
            "A100_40GB",
            16,
            512,
            512,
            FP16 | {"engine": "tensorrt_llm", "engine_version": "0.10", "tensor_parallel": 2},
            1406.9,
        ),
        ("meta-llama/Llama-2-7b-hf", "GH200_96GB", 16, 256, 256, FP16 | V0, 1794.3),
        # AMD's image of vLLM 0.6.6 and later, README of 2025-02-06: Llama-3.1-405B in fp8
        (
            "meta-llama/Llama-3.1-405B-Instruct",
            "MI300X",
            16,
            2048,
            2048,
            {"precision": "fp8", "engine_version": "0.7", "tensor_parallel": 8},
            489.9,
        ),
        # optimum-habana's baselines, padded lengths, an fp8 cache
        (
            "meta-llama/Llama-2-7b-hf",
            "Gaudi 3",
            163,
            128,
            2048,
            {"precision": "fp8", "kv_precision": "fp8"},
            7241.0,
        ),
        # tpu-recipes: 64 users of Llama-3.3-70B on v6e-8
        ("meta-llama/Llama-3.3-70B-Instruct", "TPU v6e", 64, 999, 1000, {"tensor_parallel": 8}, 2494.8),
        # an A10G page: vLLM 0.4.3
        ("meta-llama/Meta-Llama-3-8B-Instruct", "A10G", 16, 550, 150, {"engine_version": "0.4.3"}, 289.9),
    ],
)
def test_a_measured_batch_lies_in_the_range(
    model: str,
    hardware: str,
    batch: int,
    tokens: int,
    output: int,
    asked: dict[str, object],
    tokens_per_s: float,
) -> None:
    report = estimated(model, hardware, batch, tokens, output, **asked)
    measured_ms = batch * output / tokens_per_s * 1e3
    assert report.total_interval_ms.low < measured_ms < report.total_interval_ms.high
    assert math.log(measured_ms / report.total_ms) == pytest.approx(0, abs=math.log(1.35))


@pytest.mark.parametrize(
    ("model", "hardware", "tokens", "output", "asked", "tpot_ms"),
    [
        # AccelMark at one user, vLLM 0.7.3 (vllm-ascend 0.18 on Ascend)
        (
            "meta-llama/Meta-Llama-3-8B-Instruct",
            "V100S",
            256,
            346,
            FP16 | SECOND,
            22.55,
        ),
        ("Qwen/Qwen2.5-0.5B-Instruct", "T4", 95, 150, FP16 | SECOND, 7.23),
        ("meta-llama/Llama-3.1-8B-Instruct", "RTX 6000 Ada", 28650, 256, SECOND, 24.1),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "Ascend_910B2", 256, 346, {"tensor_parallel": 8}, 67.76),
        ("meta-llama/Llama-3.1-8B-Instruct", "Ascend_910C_Die", 28650, 256, {}, 30.66),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "H20_141GB", 256, 346, SECOND, 12.81),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "H20_141GB", 256, 344, SECOND | {"tensor_parallel": 8}, 21.31),
        # 30 tokens a second on vLLM 0.13 (vllm-project/vllm issue 30832)
        ("deepseek-ai/DeepSeek-V3.2", "H20", 2048, 1024, {"tensor_parallel": 8}, 1e3 / 30),
        # DGX Spark: NVIDIA's blog of performance, NVIDIA/dgx-spark-playbooks issue 79,
        # eugr/spark-vllm-docker pull request 123, vLLM's blog
        ("Qwen/Qwen3-14B", "GB10", 2048, 128, {"precision": "nvfp4", "engine": "tensorrt_llm"}, 1e3 / 22.71),
        ("meta-llama/Llama-3.3-70B-Instruct", "GB10", 2048, 128, {"precision": "nvfp4"}, 1e3 / 4.1),
        ("nvidia/Nemotron-Cascade-2-30B-A3B", "GB10", 2048, 128, {}, 1e3 / 31),
        ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", "GB10", 2048, 128, {}, 1e3 / 23.2),
    ],
)
def test_a_measured_step_of_one_user_lies_in_the_range(
    model: str, hardware: str, tokens: int, output: int, asked: dict[str, object], tpot_ms: float
) -> None:
    report = estimated(model, hardware, 1, tokens, output, **asked)
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low < tpot_ms < report.tpot_interval_ms.high


def test_the_first_engine_of_2024_takes_more_of_the_host_than_the_second() -> None:
    # Argonne, H100, vLLM 0.4 to 0.5: Mistral-7B at batch 1 takes 2 ms a step more than its weights
    old, new = (
        estimated("mistralai/Mistral-7B-v0.1", "H100", 64, 256, 256, engine_version=version)
        for version in ("0.5", "0.9")
    )
    assert old.tpot_ms is not None
    assert new.tpot_ms is not None
    assert old.tpot_ms > 1.4 * new.tpot_ms


def test_every_accelerator_with_a_peak_is_timed_or_says_why_not() -> None:
    for accelerator in all_accelerators():
        small = accelerator.usable_memory_bytes < 16.1e9  # the weights alone
        halves = {"bf16", "fp16", "fp32"} & set(accelerator.peak_flops)
        refused: str | None = None
        try:
            report = estimate_performance("meta-llama/Llama-3.1-8B", accelerator.name, batch_size=1, devices=1)
        except (DoesNotFitError, LayoutError) as refusal:
            refused = str(refusal)
        if refused is not None:
            assert small or not halves, accelerator.name
            assert "fits on no layout" in refused or "peak rate" in refused, accelerator.name
            continue
        for phase in (report.prefill_phase, report.decode_phase):
            assert phase is not None, accelerator.name
            assert 0 < phase.latency_ms < math.inf, accelerator.name
            # no faster than the peak and the bandwidth
            assert max(phase.compute_share, phase.bandwidth_share) <= 1, accelerator.name
            range_ms = phase.latency_interval_ms
            assert range_ms.low <= phase.latency_ms <= range_ms.high, accelerator.name
            assert range_ms.evidence, accelerator.name


@each(
    ("hardware", "kind"),
    [
        # NVIDIA's table of compute capabilities: 8.6 is GA10x, 8.0 GA100; 12.0 GeForce and RTX PRO, 10.0 data centres
        ("A40", "ga10x"),
        ("A30", ""),
        ("A100_80GB", ""),
        ("A100_40GB", "a100_40gb"),
        ("RTX_5090", "sm120"),
        ("B200", ""),
        ("GB10", "gb10"),
        ("L4", "ada"),
        ("L40S", ""),
        ("GH200_144GB", "gh200"),
        ("MI325X", "cdna3"),
        ("Trainium_1", "neuron2"),
        ("Ascend_910A", ""),
        ("H100_SXM", ""),
    ],
)
def test_an_accelerator_is_of_one_class(hardware: str, kind: str) -> None:
    assert kind_of(find_accelerator(hardware)) == kind


def test_every_class_has_constants_a_range_and_a_member() -> None:
    facts = table("timing")
    kinds = set(facts["class_of"].values())
    assert kinds <= set(facts["interval"])
    assert set(facts["chip"]) == kinds
    assert {kind_of(accelerator) for accelerator in all_accelerators()} - {""} == kinds
    for kind in kinds:
        low, high = facts["interval"][kind]["decode"]
        assert low <= 1 <= high


def test_the_evidence_is_said_in_words() -> None:
    report = estimate_performance("meta-llama/Llama-3.1-8B", "Gaudi 2", tensor_parallel=1, batch_size=8)
    assert report.tpot_interval_ms is not None
    assert "36 models on Gaudi 2" in report.tpot_interval_ms.evidence
    assert str(report).count("36 models on Gaudi 2") == 1


def test_a_class_is_no_evidence_for_an_engine_that_was_never_timed_there() -> None:
    gaudi = find_accelerator("Gaudi_2")
    vllm, sglang = (machine_for(gaudi, engine_for(name, None, device_of(gaudi))) for name in ("vllm", "sglang"))
    assert vllm.ranges["decode"][1] < sglang.ranges["decode"][1]


def test_neuron_fills_heads_up() -> None:
    # AWS Neuron SDK, Inferentia 2, Llama-3-70B on 24 cores (12 chips), 64 heads, one user: 32.47 ms a token
    report = estimated("meta-llama/Meta-Llama-3-70B", "Inferentia 2", 1, 128, 1024, tensor_parallel=12)
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low < 32.47 < report.tpot_interval_ms.high
    with pytest.raises(LayoutError, match="does not divide the attention heads"):
        estimated("meta-llama/Meta-Llama-3-70B", "H100", 1, 128, 1024, tensor_parallel=12)


def _ranges(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, float, float]]:
    if isinstance(table.get("low"), float):
        yield ".".join(path), table["low"], table["high"]
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _ranges(value, (*path, name))
        elif name in _PHASES and isinstance(value, list):
            yield ".".join((*path, name)), *value


_PHASES = {"prefill", "decode", "batch", "host", "shared", "ttft", "tpot", "e2e", "decode_recurrent", "decode_mixture"}
# what other ranges are widened to
_WIDENING = ("disaggregated", "speculative")


def test_no_range_stands_to_one_side_of_its_estimate() -> None:
    data = files("llm_memory_calculator") / "data"
    tables = {"timing": tomllib.loads((data / "timing.toml").read_text())["interval"]}
    tables |= {file.name: tomllib.loads(file.read_text()) for file in (data / "times").iterdir() if file.is_file()}
    found = [
        row
        for name, table in tables.items()
        for row in _ranges(table, (name,))
        if row[0].split(".")[1] not in _WIDENING
    ]
    assert len(found) > 60
    assert not [row for row in found if not row[1] <= 0.95 < 1.05 <= row[2]]
