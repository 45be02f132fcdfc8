"""Memory against published caches, checkpoint sizes and what vLLM prints at start."""

from typing import Any

import numpy
import pytest

from llm_memory_calculator import (
    ArgumentError,
    calculate_memory,
    estimate_max_batch_size,
    inspect_model,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.deployment import Load
from llm_memory_calculator.memory import reports

from ..rows import each

GIB = 2**30


def kv(model: str, tokens: int, **arguments: object) -> int:
    return calculate_memory(model, seq_length=tokens, **arguments).kv_cache_bytes  # type: ignore[arg-type]


@each(
    ("model", "tokens", "expected"),
    [
        # layers x 2 x KV heads x head_dim x 2 bytes x tokens, the config's own head_dim
        ("Qwen/Qwen3-30B-A3B", 4096, 48 * 2 * 4 * 128 * 2 * 4096),
        ("Qwen/Qwen3-235B-A22B", 4096, 94 * 2 * 4 * 128 * 2 * 4096),
        # half the layers keep a window of 4,096 tokens
        ("google/gemma-2-9b", 8192, 21 * (4096 + 8192) * 2 * 8 * 256 * 2),
        # 22 of 26 layers keep 512 tokens
        ("google/gemma-3-1b-pt", 4096, (22 * 512 + 4 * 4096) * 2 * 256 * 2),
        # 10 of 62 layers are global, the others keep 1,024 tokens
        ("google/gemma-3-27b-pt", 131_072, (52 * 1024 + 10 * 131_072) * 2 * 16 * 128 * 2),
        # multi-query: one KV head of 64
        ("tiiuae/falcon-7b", 2048, 32 * 2 * 64 * 2 * 2048),
        # latent of 512 + 64, once, no heads
        ("deepseek-ai/DeepSeek-V3", 163_840, 61 * 576 * 2 * 163_840),
        ("meta-llama/Llama-3.1-8B", 1, 131_072),
        ("Qwen/Qwen2.5-7B", 1, 57_344),
        ("mistralai/Mistral-Small-24B-Instruct-2501", 1, 163_840),
        ("Qwen/Qwen2.5-1.5B", 1, 28_672),
    ],
)
def test_kv_cache_is_the_architecture_s(model: str, tokens: int, expected: int) -> None:
    assert kv(model, tokens) == expected


def test_latent_cache_is_replicated_on_every_tensor_parallel_rank() -> None:
    assert kv("deepseek-ai/DeepSeek-V3", 163_840, tensor_parallel=8) == 61 * 576 * 2 * 163_840


def test_kv_heads_fewer_than_ranks_are_replicated() -> None:
    whole = kv("meta-llama/Llama-3.1-70B", 4096)
    assert kv("meta-llama/Llama-3.1-70B", 4096, tensor_parallel=8) == whole // 8
    assert kv("meta-llama/Llama-3.1-70B", 4096, tensor_parallel=16) == whole // 8


def test_int8_weights_leave_the_cache_in_16_bits() -> None:
    report = calculate_memory("meta-llama/Llama-2-7b-hf", seq_length=4096, precision="int8")
    assert report.kv_cache_bytes == 32 * 2 * 4096 * 2 * 4096
    assert report.kv_precision == "fp16"
    assert kv("meta-llama/Llama-2-7b-hf", 4096, kv_precision="fp8") == 32 * 2 * 4096 * 4096


@pytest.mark.parametrize(
    ("model", "gigabytes"),
    [
        ("TheBloke/Llama-2-7B-AWQ", 3.89),  # size of the repository's safetensors file
        ("TheBloke/Llama-2-7B-GPTQ", 3.90),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", 41.6),
        ("openai/gpt-oss-20b", 13.76),
        ("openai/gpt-oss-120b", 65.25),
    ],
)
def test_quantised_checkpoint_has_the_size_of_its_files(model: str, gigabytes: float) -> None:
    report = calculate_memory(model)
    assert report.weight_memory_bytes / 1e9 == pytest.approx(gigabytes, rel=0.005)


def test_fp8_checkpoint_of_deepseek_v3_keeps_table_head_and_norms_in_16_bits() -> None:
    report = calculate_memory("deepseek-ai/DeepSeek-V3")
    # 688 GB of files, of which 14 GB are the layer for multi-token prediction
    assert 671e9 < report.weight_memory_bytes < 675e9
    assert report.precision == "fp8_block"


# weights GiB that vLLM 0.19 printed when loading, on H100 (llm-d-planner pull request 205)
@each(
    ("model", "arguments", "printed"),
    [
        ("codellama/CodeLlama-7b-hf", {}, 12.56),
        ("Qwen/Qwen2.5-7B-Instruct", {}, 14.25),
        ("Qwen/Qwen2.5-7B-Instruct", {"tensor_parallel": 2}, 7.12),
        ("Qwen/Qwen2.5-7B-Instruct", {"tensor_parallel": 4}, 3.55),
        ("Qwen/Qwen2.5-7B-Instruct", {"precision": "fp8"}, 8.14),
        ("Qwen/Qwen2.5-72B-Instruct", {"tensor_parallel": 2}, 67.80),
        ("google/gemma-2-27b-it", {}, 50.72),
        ("google/gemma-2-2b-it", {}, 4.90),
        ("google/gemma-7b", {}, 15.91),
        ("microsoft/phi-4", {}, 27.39),
        ("meta-llama/Llama-3.3-70B-Instruct", {"tensor_parallel": 2, "precision": "fp8"}, 33.88),
        ("meta-llama/Llama-3.3-70B-Instruct", {"tensor_parallel": 4, "precision": "fp8"}, 16.96),
        ("Qwen/Qwen1.5-MoE-A2.7B", {}, 26.67),
        ("deepseek-ai/DeepSeek-V2-Lite", {}, 29.43),
    ],
)
def test_weights_of_a_rank_are_what_vllm_loads(model: str, arguments: dict[str, object], printed: float) -> None:
    report = calculate_memory(model, **arguments)  # type: ignore[arg-type]
    # vLLM's figure holds rotary tables and rounding besides
    assert report.weight_memory_bytes / GIB == pytest.approx(printed, rel=0.015)


def test_given_precision_overrides_the_checkpoint_and_says_so() -> None:
    report = calculate_memory("TheBloke/Llama-2-7B-AWQ", precision="fp16")
    assert report.weight_memory_bytes == 2 * 6_738_415_616
    assert [note for note in report.notes if note.origin == "override"]


def test_activations_do_not_grow_with_a_prompt_that_is_prefilled_in_chunks() -> None:
    def activations(tokens: int, batch: int = 1) -> int:
        return calculate_memory("meta-llama/Llama-3.1-70B", seq_length=tokens, batch_size=batch).activation_memory_bytes

    assert activations(8192) == activations(131_072)
    assert activations(8193) == activations(8192)
    assert activations(32_768, 32) < 4e9
    sharded = calculate_memory("meta-llama/Llama-3.1-70B", seq_length=131_072, tensor_parallel=8)
    assert sharded.activation_memory_bytes < 3e9


def test_parts_sum_to_the_total_and_the_interval_holds_it() -> None:
    report = calculate_memory("meta-llama/Llama-3.1-70B", batch_size=8, tensor_parallel=4, pipeline_parallel=2)
    assert sum(value for _, value in report.parts()) == report.total_memory_bytes
    assert report.total_memory_interval.low <= report.total_memory_bytes <= report.total_memory_interval.high
    assert report.total_memory_gb == report.total_memory_bytes / 1e9


def test_tied_head_is_stored_again_on_the_last_pipeline_stage() -> None:
    one = calculate_memory("meta-llama/Llama-3.2-1B", pipeline_parallel=2)
    assert one.worst_device.startswith("pipeline stage")
    table = 128_256 * 2048 * 2
    layers = (1_235_814_400 * 2 - table) / 2
    assert one.weight_memory_bytes == pytest.approx(layers + table, rel=0.001)


def test_report_names_the_accelerators_that_hold_the_model() -> None:
    found = calculate_memory("meta-llama/Llama-3.1-70B").fits
    fits = {fit.hardware: fit.borderline_devices or fit.devices for fit in found}
    assert fits["H100_SXM"] == 2  # 141 GB of weights on 2 x 80 GB
    assert fits["MI300X"] == 1
    small = {fit.hardware: fit.devices for fit in calculate_memory("meta-llama/Llama-3.1-8B").fits}
    assert small["RTX_4090"] == 1


def test_named_hardware_is_judged() -> None:
    assert calculate_memory("meta-llama/Llama-3.1-8B", hardware="h100").fits_device is True
    assert calculate_memory("meta-llama/Llama-3.1-70B", hardware="h100").fits_device is False
    assert calculate_memory("meta-llama/Llama-3.1-70B", memory_gb=192).fits_device is True
    assert calculate_memory("meta-llama/Llama-3.1-8B").fits_device is None


def test_a_verdict_on_a_device_names_what_it_was_judged_by() -> None:
    # macOS 26 lends the GPU 464 GiB of 512 unless it is told otherwise
    judged = calculate_memory("meta-llama/Llama-3.1-405B", hardware="M3 Ultra 512GB", precision="fp8")
    assert judged.device_budget_bytes == pytest.approx(464 * 2**30, rel=0.001)
    assert judged.fits_device is (judged.total_memory_bytes <= judged.device_budget_bytes)
    assert calculate_memory("meta-llama/Llama-3.1-405B").device_budget_bytes is None


def test_largest_batch_is_zero_with_the_reason_when_the_model_does_not_fit() -> None:
    for memory_gb in (80, 1):
        limit = estimate_max_batch_size("meta-llama/Llama-3.1-70B", memory_gb)
        assert limit == 0
        assert "GB" in limit.reason
    assert estimate_max_batch_size("meta-llama/Llama-3.1-70B", 80, tensor_parallel=4) > 0


def test_largest_batch_fits_and_one_more_does_not() -> None:
    model, held = "meta-llama/Llama-3.1-8B", {"hardware": "H100", "seq_length": 4096}
    report = max_batch_size(model, **held)
    assert calculate_memory(model, batch_size=report.max_batch_size, **held).fits_device
    assert not calculate_memory(model, batch_size=report.max_batch_size + 1, **held).fits_device
    # what CUDA shows of the card, and vLLM's share of it since 0.20
    assert report.device_budget_bytes == pytest.approx(0.92 * 79.19 * GIB, rel=1e-3)


def test_largest_batch_agrees_with_the_tokens_that_vllm_found_room_for() -> None:
    # vLLM 0.19 prints 1,096,000 tokens and 133.79 requests of 8,192 for Qwen2.5-7B on an H100 at 0.95 (llm-d-planner,
    # pull request 205)
    report = max_batch_size(
        "Qwen/Qwen2.5-7B-Instruct",
        hardware="H100",
        seq_length=8192,
        engine_version="0.19.0",
        gpu_memory_utilization=0.95,
    )
    assert report.max_batch_size == 133


def test_pipeline_and_data_parallel_share_the_cache() -> None:
    alone = kv("meta-llama/Llama-3.1-70B", 4096, batch_size=8)
    assert kv("meta-llama/Llama-3.1-70B", 4096, batch_size=8, data_parallel=2) == alone // 2
    assert kv("meta-llama/Llama-3.1-70B", 4096, batch_size=8, pipeline_parallel=4) == alone // 4


def test_devices_alone_are_split_by_what_the_model_takes() -> None:
    report = calculate_memory("meta-llama/Llama-3.1-70B", devices=6)
    assert (report.tensor_parallel, report.pipeline_parallel, report.devices) == (2, 3, 6)
    assert any(note.subject == "devices" for note in report.notes)


def test_printed_report_shows_what_matters() -> None:
    text = str(calculate_memory("llama3_70b", tensor_parallel=4))
    for word in ("weights", "KV cache", "total", "GB", "70,553,706,496", "hold it"):
        assert word in text


def test_inspect_and_memory_agree() -> None:
    model = inspect_model("Qwen/Qwen3-30B-A3B")
    report = calculate_memory("Qwen/Qwen3-30B-A3B")
    assert model.weight_memory_bytes == report.weight_memory_bytes
    assert model.kv_cache_bytes_per_token == report.kv_cache_bytes_per_token == 98_304


def test_one_description_serves_all_layouts() -> None:
    assert load_model("llama3_70b").architecture is load_model("meta-llama/Meta-Llama-3-70B").architecture


@each("tokens", [2048, 8192, 32_768])
@each("model", ["meta-llama/Llama-3.1-8B", "codellama/CodeLlama-34b-hf", "microsoft/phi-4"])
def test_one_rule_says_what_fits_a_card_of_a_size(model: str, tokens: int) -> None:
    report = calculate_memory(model, seq_length=tokens)
    assert report.can_fit_24gb_gpu == (report.total_memory_gb <= 0.92 * 24)
    assert report.can_fit_80gb_gpu == (report.recommended_gpu_memory_gb <= 80)
    if report.can_fit_80gb_gpu:
        assert {"H100_SXM": 1}.items() <= {fit.hardware: fit.devices for fit in report.fits}.items()


@pytest.mark.parametrize("asked", [{"include_gradients": True}, {"framework_overhead": 3.0}])
def test_what_it_fits_on_is_judged_by_the_total_that_is_said(asked: dict[str, object]) -> None:
    report = calculate_memory("meta-llama/Llama-3.1-8B", batch_size=64, seq_length=4096, hardware="A100_80GB", **asked)  # type: ignore[arg-type]
    alone = [fit.hardware for fit in report.fits if fit.devices == 1]
    assert ("A100_80GB" in alone) == report.fits_device
    for fit in report.fits:
        if fit.devices == 1:
            assert fit.used_share * fit.memory_gb == pytest.approx(report.total_memory_gb, rel=0.1)


def test_what_is_borderline_holds_nothing_for_certain() -> None:
    report = calculate_memory("meta-llama/Llama-3.1-70B", hardware="H100_SXM", devices=2)
    assert report.verdict == "borderline"
    (own,) = (fit for fit in report.fits if fit.hardware == "H100_SXM")
    assert (own.devices, own.borderline_devices) == (4, 2)
    assert calculate_memory("meta-llama/Llama-3.1-70B", hardware="H100_SXM", devices=4).verdict == "fits"


@pytest.mark.parametrize(
    ("model", "hardware", "asked"),
    [
        # 36 layers are dealt to three, and 64 heads are not split by three
        ("openai/gpt-oss-120b", "RTX_5090", {"devices": 3}),
        ("Qwen/Qwen3-32B", "RTX_4090", {"devices": 4, "batch_size": 64, "engine": "llama_cpp"}),
        ("meta-llama/Llama-3.1-70B", "L4", {"devices": 6, "engine": "llama_cpp", "precision": "q8_0"}),
        ("meta-llama/Llama-3.1-8B", "H100_SXM", {"devices": 2}),
    ],
)
def test_the_fewest_devices_are_no_others_than_the_verdict_says(
    model: str, hardware: str, asked: dict[str, Any]
) -> None:
    report = calculate_memory(model, hardware=hardware, seq_length=2048, **asked)
    fewest = {fit.hardware: fit.devices for fit in report.fits}[hardware]
    if report.verdict == "fits":
        assert fewest <= asked["devices"]
    else:
        assert fewest > asked["devices"]
    assert calculate_memory(model, hardware=hardware, seq_length=2048, **asked | {"devices": fewest}).verdict == "fits"


def test_gradients_are_in_the_verdict_and_in_what_mends_it() -> None:
    # 16.4 GB of weights and as much of gradients are more than the 24 GiB of a card, and no engine counts them
    report = calculate_memory("Qwen/Qwen3-8B", hardware="RTX_4090", include_gradients=True)
    assert (report.fits_device, report.verdict) == (False, "does not fit")
    assert {fit.hardware: fit.devices for fit in report.fits}["RTX_4090"] == 2
    changes = {one.kind: one for one in report.remedies}
    assert changes["devices"].change == "tensor_parallel 2"
    again = calculate_memory("Qwen/Qwen3-8B", hardware="RTX_4090", include_gradients=True, tensor_parallel=2)
    assert again.verdict == "fits"
    assert again.device_margin_bytes == changes["devices"].margin_bytes


def test_a_stated_overhead_is_in_the_verdict() -> None:
    report = calculate_memory("Qwen/Qwen3-8B", hardware="RTX_4090", framework_overhead=30.0)
    assert report.total_memory_gb > 60
    assert report.verdict == "does not fit"


@pytest.mark.parametrize("share", [0, 1e-300, 0.001, 1.01])
def test_a_share_of_memory_that_no_engine_takes_is_refused(share: float) -> None:
    with pytest.raises(ArgumentError, match=r"gpu_memory_utilization must be a number above 0\.01 and up to 1"):
        calculate_memory("meta-llama/Llama-3.1-8B", gpu_memory_utilization=share)


@pytest.mark.parametrize("kind", ["int32", "int64", "float32"])
def test_whole_numbers_in_arrays_are_refused_before_they_overflow(kind: str) -> None:
    with pytest.raises(ArgumentError, match=rf"Load\.tokens must be a plain number or an array of float64.*{kind}"):
        Load(tokens=numpy.array([1, 2], dtype=kind))


def test_what_no_setting_mends_is_not_tried_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, remedies = [], reports.remedies

    def counted(*asked: Any) -> Any:
        *given, judge = asked

        def counting(*change: Any) -> Any:
            judged.append(change)
            return judge(*change)

        return remedies(*given, counting)

    monkeypatch.setattr(reports, "remedies", counted)
    # 141 GB of weights on 24 GB: other weights, more devices and a larger one are all there is
    report = calculate_memory("meta-llama/Llama-3.1-70B", hardware="RTX 4090")
    assert {one.kind for one in report.remedies} == {"devices", "device"}
    assert 1 < len(judged) < 20
