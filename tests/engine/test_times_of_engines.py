"""Times of engines by what was measured of each, and what is said of those that were not measured."""

from functools import partial
from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    LayoutError,
    best_parallelism,
    calculate_memory,
    estimate_performance,
)
from llm_memory_calculator.report import EndToEndReport, Interval

from ..rows import each


def told(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


# Tokens a second of generate() with one sequence and a prompt of one token, 2,048 tokens long: Qwen's speed benchmarks
# (QwenLM/Qwen2.5@010c37c3 docs/source/benchmark/speed_benchmark.rst; @ac727245 docs/source/getting_started)
GENERATED = [
    ("A100 80GB", "Qwen/Qwen2.5-0.5B-Instruct", "4.46", None, 47.40),
    ("A100 80GB", "Qwen/Qwen2.5-1.5B-Instruct", "4.46", None, 39.68),
    ("A100 80GB", "Qwen/Qwen2.5-14B-Instruct", "4.46", None, 24.74),
    ("A100 80GB", "Qwen/Qwen2.5-72B-Instruct", "4.46", "awq", 11.50),
    ("H20", "Qwen/Qwen3-4B", "4.51", None, 45.94),
    ("H20", "Qwen/Qwen3-8B", "4.51", None, 45.32),
    ("H20", "Qwen/Qwen3-32B", "4.51", None, 26.24),
    ("H20", "Qwen/Qwen3-30B-A3B", "4.51", None, 1.89),
]


@each(("hardware", "model", "version", "precision", "measured"), GENERATED)
def test_generate_waits_for_its_program(
    hardware: str, model: str, version: str, precision: str | None, measured: float
) -> None:
    report = estimate_performance(
        model,
        hardware,
        engine="transformers",
        engine_version=version,
        precision=precision,
        input_tokens=1,
        output_tokens=2048,
    )
    assert report.tpot_ms == pytest.approx(1e3 / measured, rel=0.55)
    interval = told(report.tpot_interval_ms)
    assert interval.low <= 1e3 / measured <= interval.high


# Output tokens a second of static batches: optimum-habana's baselines (fp8 with an fp8 cache, padded), Argonne's
# LLM-Inference-Bench of 2024, AWS's tables of the Neuron SDK 2.18
BATCHES = [
    ("optimum_habana", "Gaudi 2", 1, "meta-llama/Llama-2-7b-hf", "fp8", 163, 128, 2048, 4774.7),
    ("optimum_habana", "Gaudi 3", 4, "meta-llama/Llama-2-70b-hf", "fp8", 207, 2048, 128, 918.333),
    ("optimum_habana", "Gaudi 3", 8, "meta-llama/Meta-Llama-3-70B-Instruct", None, 1, 8, 100, 40.966),
    ("deepspeed", "Gaudi 2", 1, "meta-llama/Llama-2-7b-hf", "fp16", 32, 256, 256, 2310.6),
    ("deepspeed_mii", "A100_40GB", 1, "meta-llama/Llama-2-7b-hf", "fp16", 16, 1024, 1024, 629.565),
    ("deepspeed_mii", "A100_40GB", 4, "meta-llama/Meta-Llama-3-8B", "fp16", 64, 1024, 1024, 2624.852),
    ("transformers_neuronx", "Inferentia 2", 12, "meta-llama/Llama-2-13b-hf", None, 8, 4096, 4096, 351.758),
]


@pytest.mark.parametrize(
    ("engine", "hardware", "devices", "model", "precision", "batch", "tokens", "output", "rate"), BATCHES
)
def test_a_measured_static_batch_of_an_engine_lies_in_its_range(
    engine: str,
    hardware: str,
    devices: int,
    model: str,
    precision: str | None,
    batch: int,
    tokens: int,
    output: int,
    rate: float,
) -> None:
    report = estimate_performance(
        model,
        hardware,
        engine=engine,
        tensor_parallel=devices,
        precision=precision,
        kv_precision="fp8" if precision == "fp8" else None,
        batch_size=batch,
        input_tokens=tokens,
        output_tokens=output,
    )
    measured_ms = 1e3 * batch * output / rate
    interval = told(report.total_interval_ms)
    assert interval.low <= measured_ms <= interval.high
    assert report.total_ms == pytest.approx(measured_ms, rel=0.3)
    # it ran, so it fitted
    assert not any(note.subject == "memory" and note.origin == "warning" for note in report.notes)


def test_experts_of_optimum_habana_run_one_after_the_other() -> None:
    # 23.277 and 33.754 tokens a second were measured, of 3 billion active parameters
    for hardware, rate in (("Gaudi 2", 23.277), ("Gaudi 3", 33.754)):
        report = estimate_performance(
            "Qwen/Qwen3-30B-A3B",
            hardware,
            engine="optimum_habana",
            tensor_parallel=1,
            input_tokens=8,
            output_tokens=100,
        )
        assert report.total_ms == pytest.approx(1e5 / rate, rel=0.4)


@pytest.mark.parametrize("engine", ["optimum_habana", "deepspeed", "transformers_neuronx"])
def test_an_engine_of_one_make_of_accelerators_is_refused_on_others(engine: str) -> None:
    with pytest.raises(ArgumentError, match=f"engine '{engine}' is described on (gaudi|neuron), and H100_SXM is cuda"):
        estimate_performance("llama3_8b", "H100", engine=engine)


def test_generate_hangs_on_layers_until_the_device_has_more_to_do() -> None:
    def tpot(model: str, batch: int) -> float:
        report = estimate_performance(
            model, "H100", engine="transformers", batch_size=batch, input_tokens=64, output_tokens=32
        )
        assert report.tpot_ms is not None
        return report.tpot_ms

    # 36 layers each: 21.8 and 22.1 ms were measured on H20
    assert tpot("Qwen/Qwen3-8B", 1) == pytest.approx(tpot("Qwen/Qwen3-4B", 1), rel=0.02)
    assert tpot("Qwen/Qwen3-8B", 8) == pytest.approx(tpot("Qwen/Qwen3-8B", 1), rel=0.02)
    assert tpot("Qwen/Qwen3-8B", 512) > 1.5 * tpot("Qwen/Qwen3-8B", 1)


@pytest.mark.parametrize("engine", ["tgi", "lmdeploy", "ctranslate2"])
def test_an_engine_that_nobody_timed_has_no_narrow_range(engine: str) -> None:
    of_vllm = estimate_performance("llama3.1_8b", "H100", engine="vllm", tensor_parallel=1)
    report = estimate_performance("llama3.1_8b", "H100", engine=engine, tensor_parallel=1)
    for own, other in (
        (report.ttft_interval_ms, of_vllm.ttft_interval_ms),
        (report.tpot_interval_ms, of_vllm.tpot_interval_ms),
    ):
        assert "no measurement of such an engine" in told(own).evidence
        assert told(own).high / told(own).low > told(other).high / told(other).low
    assert any("measured" in note.text and note.subject == "engine" for note in report.notes)


# llama.cpp deals whole layers by itself: one sequence passes one card after the other (PR 19378, 8B q4_0 on two cards,
# tokens a second: layer 175.43, tensor 101.98, row 67.00)
def test_cards_of_llama_cpp_share_layers_unless_they_are_told_otherwise() -> None:
    def report(**asked: object) -> EndToEndReport:
        return estimate_performance(
            "llama3_8b", "RTX 4090", engine="llama_cpp", precision="q4_0", input_tokens=1, output_tokens=128, **asked
        )

    one, two = report(), report(devices=2, batch_size=1)
    assert two.pipeline_parallel * two.data_parallel * two.tensor_parallel <= 2
    assert two.tensor_parallel == 1
    layer = report(pipeline_parallel=2)
    tensor, row = report(tensor_parallel=2), report(tensor_parallel=2, engine_settings={"split_mode": "row"})
    assert one.tpot_ms is not None
    assert layer.tpot_ms is not None
    assert tensor.tpot_ms is not None
    assert row.tpot_ms is not None
    assert one.tpot_ms <= layer.tpot_ms < tensor.tpot_ms < row.tpot_ms
    for found, measured in ((layer, 175.43), (tensor, 101.98), (row, 67.00)):
        assert found.tpot_ms == pytest.approx(1e3 / measured, rel=0.3)


@pytest.mark.parametrize(
    ("mode", "layout", "instead"),
    [
        ("layer", {"tensor_parallel": 2}, "pipeline_parallel 2"),
        ("row", {"pipeline_parallel": 2}, "tensor_parallel 2"),
        ("none", {"pipeline_parallel": 2}, "data_parallel 2"),
    ],
)
def test_a_split_mode_is_refused_with_another_layout(mode: str, layout: dict[str, int], instead: str) -> None:
    asked = {"engine": "llama_cpp", "precision": "q4_0", "engine_settings": {"split_mode": mode}, **layout}
    with pytest.raises(LayoutError, match=instead):
        estimate_performance("llama3_8b", "RTX 4090", **asked)  # type: ignore[arg-type]
    with pytest.raises(LayoutError, match=instead):
        calculate_memory("llama3_8b", hardware="RTX 4090", **asked)  # type: ignore[arg-type]


# llama-bench of ik_llama.cpp, tokens a second: discussions 164 (December 2024, 16 threads) and 437 (Xeon 8480)
READ_BY_PROCESSORS = [
    ("Ryzen 9 7950X", "meta-llama/Llama-3.1-8B-Instruct", "q4_k_s", 512, 269.6),
    ("Ryzen 9 7950X", "meta-llama/Llama-3.1-8B-Instruct", "q8_0", 512, 268.19),
    ("Ryzen 9 7950X", "meta-llama/Llama-3.1-8B-Instruct", "iq3_s", 512, 156.47),
    ("Xeon 8480+", "meta-llama/Llama-3.1-8B-Instruct", "q4_k_m", 512, 444.89),
    ("Xeon 8480+", "Qwen/Qwen3-30B-A3B", "q4_k_m", 512, 510.65),
]


@pytest.mark.parametrize(("hardware", "model", "precision", "tokens", "measured"), READ_BY_PROCESSORS)
def test_ik_llama_takes_in_prompts_on_processors_as_it_was_measured(
    hardware: str, model: str, precision: str, tokens: int, measured: float
) -> None:
    report = estimate_performance(
        model, hardware, engine="ik_llama.cpp", precision=precision, input_tokens=tokens, output_tokens=1
    )
    interval = told(report.ttft_interval_ms)
    assert interval.low <= tokens / measured * 1e3 <= interval.high
    other = estimate_performance(
        model, hardware, engine="llama_cpp", precision=precision, input_tokens=tokens, output_tokens=1
    )
    assert report.ttft_ms < other.ttft_ms


# tokens a second of one sequence: Qwen3-30B-A3B IQ4_XS on a 7950X and, with experts on the host, on an RTX 4080
# (discussions 437, 490); Qwen3-14B q4_0 and Hunyuan-A13B IQ4_XS on two and four RTX 3090 by layers and by graph (pull
# requests 1106 and 1116)
DECODED_BY_IK = [
    ("Ryzen 9 7950X", "Qwen/Qwen3-30B-A3B", "iq4_xs", {}, {}, 29.17),
    ("RTX 4080", "Qwen/Qwen3-30B-A3B", "iq4_xs", {"n_cpu_moe": 48}, {}, 34.45),
    ("RTX 4080", "Qwen/Qwen3-30B-A3B", "iq4_xs", {"n_cpu_moe": 18}, {}, 77.44),
    ("RTX 3090", "Qwen/Qwen3-14B", "q4_0", {}, {"pipeline_parallel": 2}, 95.54),
    ("RTX 3090", "tencent/Hunyuan-A13B-Instruct", "iq4_xs", {}, {"pipeline_parallel": 4}, 105.84),
    ("RTX 3090", "tencent/Hunyuan-A13B-Instruct", "iq4_xs", {"split_mode": "graph"}, {"tensor_parallel": 4}, 139.06),
]


@pytest.mark.parametrize(("hardware", "model", "precision", "settings", "layout", "measured"), DECODED_BY_IK)
def test_ik_llama_decodes_as_it_was_measured(
    hardware: str, model: str, precision: str, settings: dict[str, object], layout: dict[str, int], measured: float
) -> None:
    report = estimate_performance(
        model,
        hardware,
        engine="ik_llama_cpp",
        precision=precision,
        engine_settings=settings or None,
        input_tokens=1,
        output_tokens=128,
        **layout,  # type: ignore[arg-type]
    )
    interval = told(report.tpot_interval_ms)
    assert interval.low <= 1e3 / measured <= interval.high


def test_ik_llama_holds_what_llama_cpp_of_its_time_does() -> None:
    asked: dict[str, Any] = {"hardware": "RTX 4090", "precision": "q4_k_m", "batch_size": 1, "seq_length": 8192}
    own = calculate_memory("llama3.1_8b", engine="ik_llama.cpp", **asked)
    attends = {"flash_attn": "on"}
    other = calculate_memory(
        "llama3.1_8b", engine="llama.cpp", engine_version="b5000", engine_settings=attends, **asked
    )
    assert own.total_memory_bytes == pytest.approx(other.total_memory_bytes, rel=0.02)
    with pytest.raises(ArgumentError, match="has no setting 'fit'"):
        calculate_memory("llama3.1_8b", engine="ik_llama.cpp", engine_settings={"fit": "on"}, **asked)


# tokens a second under KTransformers beside an RTX 4090: doc/en/DeepseekR1_V3_tutorial.md (@034a1163; one or two Xeon
# Gold 6454S with eight channels of DDR5-4800 each), Kimi-K2.md, AMX.md (0.3), issues 314 (EPYC 9654, twelve channels)
# and 797 (two EPYC 9135, DDR5-6400)
V3, K2 = "deepseek-ai/DeepSeek-V3", "moonshotai/Kimi-K2-Instruct"
TWO = {"sockets": 2, "host_bandwidth_gb_s": 614.4}
WITH_EXPERTS_ON_THE_HOST = [
    (V3, "q4_k_m", {}, 500, "decode", 8.73),
    (V3, "q4_k_m", TWO, 500, "decode", 12.208),
    (V3, "q4_k_m", TWO, 7678, "decode", 12.4),
    (V3, "q4_k_m", {"host_bandwidth_gb_s": 460.8}, 1000, "decode", 14.0),
    (V3, "q4_k_m", {"sockets": 2, "host_bandwidth_gb_s": 1228.8}, 20, "decode", 17.3),
    (K2, "q4_k_m", {}, 20, "decode", 10.0),
    (V3, "q4_k_m", {}, 500, "prefill", 54.21),
    (V3, "q4_k_m", TWO, 3846, "prefill", 81.9),
    (V3, "q8_0", {"cpu_backend": "amx", **TWO}, 2048, "prefill", 255.26),
    ("Qwen/Qwen3-235B-A22B", "q8_0", {"cpu_backend": "amx", **TWO}, 2048, "prefill", 347.0),
]


@each(("model", "precision", "settings", "tokens", "phase", "measured"), WITH_EXPERTS_ON_THE_HOST)
def test_ktransformers_takes_the_time_of_the_host_s_memory_and_cores(
    model: str, precision: str, settings: dict[str, object], tokens: int, phase: str, measured: float
) -> None:
    report = estimate_performance(
        model,
        "RTX 4090",
        engine="ktransformers",
        precision=precision,
        engine_settings=settings,
        input_tokens=tokens,
        output_tokens=300,
    )
    decodes = phase == "decode"
    taken = 1e3 / measured if decodes else tokens / measured * 1e3
    interval = told(report.tpot_interval_ms if decodes else report.ttft_interval_ms)
    assert interval.low <= taken <= interval.high


def test_ktransformers_keeps_experts_on_the_host() -> None:
    asked: dict[str, Any] = {"hardware": "RTX 4090", "precision": "q4_k_m", "engine": "ktransformers", "batch_size": 1}
    report = calculate_memory(V3, seq_length=4096, **asked)
    # "at least 14 GB VRAM and 382 GB DRAM", of the same tutorial
    assert report.total_memory_gb == pytest.approx(14, rel=0.15)
    longer = calculate_memory(V3, seq_length=4096, engine_settings={"cache_lens": 32768}, **asked)
    assert longer.total_memory_bytes > report.total_memory_bytes
    with pytest.raises(ArgumentError, match="experts alone it keeps on the host"):
        calculate_memory("llama3.1_8b", **asked)
    with pytest.raises(LayoutError, match="one card beside the processor"):
        calculate_memory(V3, tensor_parallel=2, **asked)


# Llama-2-70B in fp8 of MLPerf Inference 5.1, all requests at once: output tokens a second of each of eight cards (AMD's
# 27,803.9 on MI300X with vLLM 0.9.0; ASUSTeK's 30,490.8 on H200 NVL with TensorRT-LLM)
@pytest.mark.parametrize(
    ("hardware", "engine", "version", "output", "measured"),
    [("MI300X", "vllm", "0.9.0", 302, 3475.5), ("H200 NVL", "tensorrt_llm", "1.0", 292, 3811.4)],
)
def test_a_tuned_stack_is_told_and_never_taken(
    hardware: str, engine: str, version: str, output: int, measured: float
) -> None:
    def served(settings: dict[str, object] | None) -> EndToEndReport:
        return estimate_performance(
            "meta-llama/Llama-2-70b-chat-hf",
            hardware,
            precision="fp8",
            kv_precision="fp8",
            engine=engine,
            engine_version=version,
            engine_settings=settings,
            tensor_parallel=1,
            concurrency=600,
            requests=600,
            input_tokens=219,
            output_tokens=output,
        )

    tuned, stock, plain = served({"profile": "tuned"}), served({"profile": "stock"}), served(None)
    assert plain.total_ms == stock.total_ms > tuned.total_ms
    interval = told(tuned.total_interval_ms)
    assert "MLPerf" in interval.evidence
    # as many tokens at the rate that was measured, of a batch that is no larger than the one that saturates
    assert interval.low <= 600 * output / measured * 1e3
    assert tuned.output_tokens_per_s <= 1.3 * measured


def test_a_tuned_stack_that_nobody_measured_is_refused() -> None:
    asked: dict[str, Any] = {"engine": "vllm", "engine_settings": {"profile": "tuned"}}
    with pytest.raises(LayoutError, match="known on CDNA 3, CDNA 4"):
        estimate_performance("llama3.1_8b", "H100", **asked)
    held = calculate_memory("llama3.1_8b", hardware="H100", **asked)
    assert held.total_memory_bytes == calculate_memory("llama3.1_8b", hardware="H100", engine="vllm").total_memory_bytes
    with pytest.raises(ArgumentError, match="no setting 'profile'"):
        estimate_performance("llama3.1_8b", "H100", engine="sglang", engine_settings={"profile": "tuned"})


# llama-bench of May 2024 on cards that share layers (XiongjieDai/GPU-Benchmarks-on-LLM-Inference@aa72e0ec), tg 512,
# tokens a second: a date stands for the builds of then, which took longer from one card to the next
@pytest.mark.parametrize(
    ("hardware", "count", "measured"),
    [("RTX 3090", 2, 111.67), ("RTX 4090", 4, 120.32), ("RTX A6000", 4, 96.48), ("RTX 6000 Ada", 4, 121.21)],
)
def test_a_date_stands_for_llama_cpp_of_then(hardware: str, count: int, measured: float) -> None:
    asked: dict[str, Any] = {"engine": "llama_cpp", "precision": "q4_k_m", "input_tokens": 1, "output_tokens": 512}
    then = estimate_performance(
        "meta-llama/Meta-Llama-3-8B", hardware, engine_version="2024-05", pipeline_parallel=count, **asked
    )
    interval = told(then.tpot_interval_ms)
    assert interval.low <= 1e3 / measured <= interval.high
    since = estimate_performance("meta-llama/Meta-Llama-3-8B", hardware, pipeline_parallel=count, **asked)
    assert since.tpot_ms is not None
    assert then.tpot_ms is not None
    assert since.tpot_ms < then.tpot_ms


def test_weights_that_vllm_leaves_on_the_host_cross_its_link_in_each_step() -> None:
    # PCIe 4.0 x16 has 16 GT/s a lane in 128b/130b: 31.5 GB/s in one direction
    crossing = 10 * 2**30 / (16e9 * 16 * 128 / 130 / 8) * 1e3
    there = partial(estimate_performance, "llama3.1_8b", hardware="RTX 3090", engine="vllm")
    whole, offloaded = there(), there(engine_settings={"cpu_offload_gb": 10})
    assert offloaded.tpot_ms - whole.tpot_ms == pytest.approx(crossing, rel=0.01)
    assert offloaded.ttft_ms - whole.ttft_ms == pytest.approx(crossing, rel=0.01)
    assert "link-bound" in str(offloaded)
    assert told(offloaded.tpot_interval_ms).low >= crossing
    assert any("PCIe 4.0 x16" in note.text and note.origin == "warning" for note in offloaded.notes)
    served = there(engine_settings={"cpu_offload_gb": 10}, request_rate=0.01)
    assert served.tpot_ms == pytest.approx(offloaded.tpot_ms, rel=0.05)


def test_experts_that_no_token_takes_stay_on_the_host() -> None:
    there = partial(estimate_performance, "Qwen/Qwen3-30B-A3B", hardware="H100", engine="vllm")
    settings = {"cpu_offload_gb": 10}
    # PCIe 5.0 x16: all of it would take 170 ms, of which one token uses no more than the share that is active
    spent = there(engine_settings=settings).tpot_ms - there().tpot_ms
    assert 10 < spent < 10 * 2**30 / 63e9 * 1e3 * 3.3 / 30.5 * 1.2


def test_layouts_are_compared_with_what_crosses() -> None:
    settings = {"cpu_offload_gb": 10}
    found = best_parallelism("llama3.1_8b", hardware="H100", engine="vllm", devices=2, engine_settings=settings)
    for one in (found.best, *found.others):
        alone = estimate_performance(
            "llama3.1_8b",
            hardware="H100",
            engine="vllm",
            tensor_parallel=one.tensor_parallel,
            pipeline_parallel=one.pipeline_parallel,
            engine_settings=settings,
        )
        assert one.tpot_ms == pytest.approx(alone.tpot_ms, rel=0.01)


def test_a_link_that_is_not_known_is_no_time() -> None:
    custom = {"name": "mine", "memory_gb": 24, "memory_bandwidth_gb_s": 900, "peak_tflops": {"bf16": 100}}
    with pytest.raises(LayoutError, match="cpu_offload_gb"):
        estimate_performance("llama3.1_8b", hardware=custom, engine="vllm", engine_settings={"cpu_offload_gb": 4})
