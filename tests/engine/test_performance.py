"""Times against physical limits, published measurements and the faults of the original."""

import math

import pytest

from llm_memory_calculator import (
    HARDWARE_CONFIGS,
    ArgumentError,
    DoesNotFitError,
    UnknownFormatError,
    compare_performance_configurations,
    estimate_decode_performance,
    estimate_end_to_end_performance,
    estimate_performance,
    estimate_prefill_performance,
)
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.performance.machine import machine_for
from llm_memory_hardware import Accelerator, all_accelerators

from ..rows import each


@pytest.mark.parametrize("batch", [1, 8, 64, 256])
def test_mixture_decode_reads_the_experts_that_the_batch_touches(batch: int) -> None:
    # Mixtral: 8 experts of 3 x 4096 x 14336 in 32 layers; a token picks 2
    report = estimate_decode_performance(
        "mixtral_8x7b", batch_size=batch, input_tokens=128, output_tokens=2, system_name="MI300X"
    )
    touched = 1 - (1 - 2 / 8) ** batch
    experts = 8 * 3 * 4096 * 14336 * 32 * 2
    dense = 46_702_792_704 * 2 - experts - 32_000 * 4096 * 2
    floor_ms = (dense + touched * experts) / 5.3e12 * 1e3
    assert report["TPOT"] >= floor_ms


@each("precision", ["bf16", "fp8", "int8", "int4", "nf4", "awq", "gptq", "mxfp4", "nvfp4"])
@each("hardware", ["A100_80GB", "H100", "B200", "MI300X"])
def test_nothing_is_above_a_peak_or_a_bandwidth(precision: str, hardware: str) -> None:
    prefill = estimate_prefill_performance("llama2_7b", input_tokens=8192, system_name=hardware, bits=precision)
    decode = estimate_decode_performance("llama2_7b", batch_size=4, system_name=hardware, bits=precision)
    for report in (prefill, decode):
        assert 0 < report.compute_share < 1
        assert 0 < report.bandwidth_share < 1


@each("layout", [{"tensor_parallel": 8}, {"pipeline_parallel": 4}, {"tensor_parallel": 2, "pipeline_parallel": 2}])
@each("batch", [1, 3, 64])
def test_nothing_is_above_a_peak_or_a_bandwidth_on_several_devices(layout: dict[str, int], batch: int) -> None:
    for model in ("llama2_7b", "mixtral_8x7b"):
        prefill = estimate_prefill_performance(model, batch_size=batch, system_name="H200", **layout)
        decode = estimate_decode_performance(model, batch_size=batch, system_name="H200", **layout)
        assert 0 < prefill.compute_share < 1
        assert 0 < decode.bandwidth_share < 1


@pytest.mark.parametrize("precision", ["nf4", "int4", "fp8", "awq"])
def test_a100_multiplies_few_bit_weights_in_16_bits(precision: str) -> None:
    report = estimate_prefill_performance("llama2_7b", input_tokens=2048, system_name="A100_80GB", bits=precision)
    # 2 x 6.6e9 weights x 2,048 tokens over 312 TFLOPS
    assert report["TTFT"] >= 2 * 6.607e9 * 2048 / 312e12 * 1e3
    if precision == "fp8":
        assert any("no fp8 unit" in note.text for note in report.notes)


# TensorRT-LLM, LLaMA-7B fp16 on A100-80 (LLM-Viewer issue 4): milliseconds to the first token
@pytest.mark.parametrize(("tokens", "measured_ms"), [(128, 16.1), (2048, 120.5)])
def test_first_token_of_a_7b_on_a100_is_near_the_measured_time(tokens: int, measured_ms: float) -> None:
    report = estimate_prefill_performance("llama2_7b", input_tokens=tokens, system_name="A100_80GB", bits="fp16")
    assert report["TTFT"] == pytest.approx(measured_ms, rel=0.35)
    assert report.latency_interval_ms.low < measured_ms < report.latency_interval_ms.high


# output tokens a second of the same runs
@pytest.mark.parametrize(
    ("batch", "context", "outputs", "output_tokens_per_s"), [(32, 128, 2048, 1518), (16, 2048, 2048, 613)]
)
def test_throughput_of_a_7b_on_a100_is_near_tensorrt_llm(
    batch: int, context: int, outputs: int, output_tokens_per_s: float
) -> None:
    report = estimate_end_to_end_performance(
        "llama2_7b",
        batch_size=batch,
        input_tokens=context,
        output_tokens=outputs,
        system_name="A100_80GB",
        bits="fp16",
    )
    assert report["total_throughput"] == pytest.approx(output_tokens_per_s, rel=0.25)


def test_small_models_wait_for_the_host() -> None:
    report = estimate_decode_performance("gpt2", input_tokens=128, output_tokens=128, system_name="H100")
    assert report["TPOT"] >= 0.5
    assert report.bound in ("host", "memory")


def test_latent_attention_runs_absorbed_in_decode() -> None:
    report = estimate_decode_performance("deepseek_v3", batch_size=1, system_name="H200", tensor_parallel=8)
    kernels = [row for row in report.operators if row.kind == "latent_attention"]
    # per token and layer: 576 values of cache read in 16 bits, and the absorbed products of 16 heads a rank
    context = 2048 + 128
    flops = 2 * context * 16 * (512 + 512 + 64) * sum(row.repeat for row in kernels)
    assert sum(row.flops for row in kernels) == pytest.approx(flops, rel=0.01)
    assert all(row.name.endswith("(absorbed)") for row in kernels)
    prefill = estimate_prefill_performance("deepseek_v3", system_name="H200", tensor_parallel=8)
    assert all(row.name.endswith("(expanded)") for row in prefill.operators if row.kind == "latent_attention")


def test_a_model_that_does_not_fit_is_refused_with_the_next_step() -> None:
    with pytest.raises(DoesNotFitError, match=r"needs .* GB .*use more devices"):
        estimate_decode_performance("meta-llama/Llama-2-70b-hf", system_name="H100")


def test_report_answers_to_the_original_s_keys() -> None:
    report = estimate_end_to_end_performance("llama2_7b", batch_size=4, system_name="A100_80GB")
    total = report["ttft"] + report["average_tpot"] * (report["output_tokens"] - 1)
    assert report["total_latency"] == pytest.approx(total)
    assert report["total_throughput"] == pytest.approx(4 * 256 / report["total_latency"] * 1e3)
    assert report["parallelism"]["tensor_parallel"] == 1
    assert report["prefill"]["TTFT"] == report["ttft"]
    assert report["decode"]["TPOT"] == report["average_tpot"]
    assert set(dict(report)) == set(report.keys())
    assert "no such key" not in report


def test_operator_table_sums_to_the_step_without_messages_and_host() -> None:
    report = estimate_prefill_performance("llama2_7b", input_tokens=2048, system_name="A100_80GB")
    frame = report["model_df"]
    host = report["Runtime_breakdown"]["host"] + report["Runtime_breakdown"]["launch"]
    assert frame["Latency (msec)"].sum() == pytest.approx(report["Latency"] - host, rel=1e-6)
    assert len(report["summary_table"]) == 1


def test_one_output_token_has_no_time_per_output_token() -> None:
    report = estimate_end_to_end_performance("llama2_7b", output_tokens=1, system_name="A100_80GB")
    assert report["average_tpot"] is None
    assert report["total_latency"] == report["ttft"]


def test_configurations_are_ranked_and_a_failing_one_says_why() -> None:
    rows = compare_performance_configurations(
        "meta-llama/Llama-3.1-70B",
        [
            {"name": "one", "system_name": "H100"},
            {"name": "four", "system_name": "H100", "tensor_parallel": 4},
            {"name": "eight", "system_name": "H100", "tensor_parallel": 8, "bits": "fp8"},
        ],
        batch_size=4,
    )
    assert [row["config_name"] for row in rows] == ["eight", "four", "one"]
    assert "needs" in rows[-1]["error"]
    assert rows[-1]["ttft"] is None


def test_custom_hardware_in_the_original_s_keys() -> None:
    custom = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039, "ICN": 300}
    report = estimate_end_to_end_performance("llama2_7b", batch_size=8, system_name=custom, tensor_parallel=2)
    assert math.isfinite(report["ttft"])
    assert any("No measurement" in note.text for note in report.notes)


def test_a_typo_in_the_precision_is_refused() -> None:
    with pytest.raises(UnknownFormatError, match="Did you mean"):
        estimate_prefill_performance("llama2_7b", system_name="H100", bits="fp88")


def test_hardware_is_needed() -> None:
    with pytest.raises(ArgumentError, match="system_name is needed"):
        estimate_prefill_performance("llama2_7b")


@pytest.mark.parametrize("tensor", [1, 2, 4, 8])
def test_more_bytes_never_take_less_time_to_sum(tensor: int) -> None:
    times = [
        estimate_prefill_performance(
            "llama2_7b", input_tokens=tokens, system_name="H100", tensor_parallel=tensor
        ).runtime_breakdown.get("collective", 0.0)
        for tokens in (1, 8, 64, 512, 4096)
    ]
    assert times == sorted(times)


def test_a_pipeline_gives_throughput_and_not_a_shorter_first_token() -> None:
    one = estimate_performance("llama2_7b", "H100", tensor_parallel=1, batch_size=1)
    two = estimate_performance("llama2_7b", "H100", pipeline_parallel=2, batch_size=1)
    assert two.ttft_ms > one.ttft_ms * 0.99
    many = estimate_performance("llama2_7b", "H100", tensor_parallel=1, batch_size=32)
    deep = estimate_performance("llama2_7b", "H100", pipeline_parallel=2, batch_size=32)
    assert deep.output_tokens_per_s > many.output_tokens_per_s


def test_output_tokens_a_second_never_count_the_prompt() -> None:
    short = estimate_performance("llama2_7b", "H100", input_tokens=128, output_tokens=64)
    long = estimate_performance("llama2_7b", "H100", input_tokens=4096, output_tokens=64)
    assert long.output_tokens_per_s < short.output_tokens_per_s


@pytest.mark.parametrize("hardware", ["A10", "MI300X", "H100", "L40S", "TPU v5p"])
def test_ranges_do_not_reach_below_the_physical_floor(hardware: str) -> None:
    report = estimate_performance("meta-llama/Llama-3.1-8B", hardware, tensor_parallel=1, batch_size=1)
    assert report.decode_phase is not None
    assert report.prefill_phase is not None
    for phase in (report.prefill_phase, report.decode_phase):
        floor = phase.latency_ms * max(phase.compute_share, phase.bandwidth_share)
        assert phase.latency_interval_ms.low >= floor * (1 - 1e-9)


def test_a_prompt_beyond_the_model_s_positions_is_warned_of() -> None:
    report = estimate_performance("gpt2", "H100", input_tokens=5000, precision="bf16")
    assert any("exceed the 1,024" in note.text for note in report.notes)


def test_a_catalogue_entry_handed_back_as_a_dict_gives_its_own_answer() -> None:
    by_name = estimate_performance("meta-llama/Llama-3.1-8B", "H100_SXM")
    assert estimate_performance("meta-llama/Llama-3.1-8B", HARDWARE_CONFIGS["H100_SXM"]).tpot_ms == by_name.tpot_ms


def test_latent_attention_prefill_does_not_fall_when_the_last_chunk_is_short() -> None:
    def ttft(tokens: int) -> float:
        return estimate_performance("deepseek-ai/DeepSeek-V2-Lite", "H200", input_tokens=tokens).ttft_ms

    times = [ttft(tokens) for tokens in range(8_200, 9_200, 50)]
    assert times == sorted(times)


def test_the_name_that_was_asked_for_is_said() -> None:
    report = estimate_performance("deepseek-ai/DeepSeek-R1", "H200", tensor_parallel=8)
    assert any("DeepSeek-R1" in note.text for note in report.notes)


def test_an_encoder_s_one_pass_is_timed_and_generates_nothing() -> None:
    report = estimate_performance(
        "BAAI/bge-base-en-v1.5", "H100", batch_size=64, input_tokens=512, output_tokens=1, precision="bf16"
    )
    assert report.tpot_ms is None
    assert report.output_tokens_per_s == 0
    assert report.total_tokens_per_s == pytest.approx(64 * 512 / report.ttft_ms * 1e3)
    # 85 million parameters multiply each token, at most 989 TFLOPS
    assert report.ttft_ms >= 2 * 85e6 * 64 * 512 / 989.4e12 * 1e3
    assert any("generates no tokens" in note.text for note in report.notes)


@pytest.mark.parametrize(
    "accelerator",
    [
        accelerator
        for accelerator in all_accelerators()
        # GA100 (the A30 is a part of it), GH100, Blackwell of data centres: NVIDIA's table of compute capabilities
        if accelerator.compute_capability in ("8.0", "9.0", "10.0", "10.3") and accelerator.name != "A30"
    ],
    ids=lambda accelerator: str(accelerator.name),
)
def test_a_card_with_a_measured_chip_takes_its_constants(accelerator: Accelerator) -> None:
    assert machine_for(accelerator, engine_for()).evidence in ("measured", "sister")


def test_that_more_than_one_device_was_taken_is_said() -> None:
    # 13.5 GB of weights of the 15 GiB that a T4 shows
    found = estimate_performance("meta-llama/Llama-2-7b-chat-hf", "T4", precision="fp16")
    assert found.devices == 2
    assert "devices was not given: 2 were taken" in str(found)
    assert "devices was not given" not in str(estimate_performance("llama3_8b", "H100"))
    assert "devices was not given" not in str(estimate_performance("llama3_8b", "2 x T4"))
