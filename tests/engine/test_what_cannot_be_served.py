"""What an engine does not run, is not told, or has not is refused or said: never counted in silence."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    max_batch_size,
)

from ..rows import each

QWEN = "Qwen/Qwen3-8B"


def warned(subject: str, **asked: Any) -> str:
    report = calculate_memory(QWEN, **{"hardware": "H100", **asked})
    return " ".join(note.text for note in report.notes if note.subject == subject)


@each(
    ("model", "asked", "said"),
    [
        # MLX needs Metal, TensorRT-LLM and ExLlama a CUDA device: their own installation pages
        (QWEN, {"engine": "mlx", "hardware": "H100"}, "H100_SXM is cuda"),
        (QWEN, {"engine": "tensorrt_llm", "hardware": "MI300X"}, "MI300X is rocm"),
        (QWEN, {"engine": "exllama", "hardware": "M4 Max"}, "Apple_M4_Max is metal"),
        ("mlx-community/Qwen3-8B-4bit", {"hardware": "H100"}, "its format is MLX's"),
        ("mlx-community/Qwen3-8B-4bit", {"memory_gb": 32}, "name the hardware"),
        ("black-forest-labs/FLUX.1-dev", {"engine": "vllm", "hardware": "H100"}, "name one of diffusers"),
        (QWEN, {"engine": "diffusers", "hardware": "H100"}, "runs no such model as qwen3"),
        (QWEN, {"engine": "whisper.cpp", "hardware": "H100"}, "runs no such model as qwen3"),
        ("openai/whisper-large-v3", {"engine": "exllama", "hardware": "H100"}, "runs no such model as whisper"),
    ],
)
def test_an_engine_is_refused_where_it_does_not_run(model: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        calculate_memory(model, **asked)


def test_hardware_is_compared_where_the_engine_runs() -> None:
    rows = compare_hardware(QWEN, engine="tensorrt_llm", top=60).rows
    assert rows
    assert not {row.hardware for row in rows} & {"MI300X", "MI355X", "TPU_v5e", "Gaudi_3"}
    with pytest.raises(ArgumentError, match="name hardware"):
        compare_hardware(QWEN, engine="mlx")


def test_a_tpu_of_one_s_own_has_no_cuda_context() -> None:
    board = {"Flops": 200, "Memory_size": 32, "Memory_BW": 800}
    context = {kind: calculate_memory(QWEN, hardware={**board, "type": kind}).startup for kind in ("tpu", "gpu")}
    assert context["tpu"] is not None
    assert context["tpu"].context_bytes == 0
    assert context["gpu"] is not None
    assert context["gpu"].context_bytes > 0


@pytest.mark.parametrize(
    ("engine", "setting"), [("vllm", "max_model_len"), ("sglang", "context_length"), ("tensorrt_llm", "max_seq_len")]
)
def test_a_request_longer_than_the_engine_was_told_is_refused(engine: str, setting: str) -> None:
    asked: dict[str, Any] = {"hardware": "H100", "engine": engine, "engine_settings": {setting: 1024}}
    with pytest.raises(ArgumentError, match="seq_length is 4,096"):
        calculate_memory(QWEN, seq_length=4096, **asked)
    assert calculate_memory(QWEN, **asked).seq_length == 1024


@pytest.mark.parametrize(
    ("engine", "setting"), [("vllm", "max_num_seqs"), ("sglang", "max_running_requests"), ("llama_cpp", "n_parallel")]
)
def test_sequences_that_wait_are_said(engine: str, setting: str) -> None:
    asked = {"engine": engine, "engine_settings": {setting: 4}, "seq_length": 256}
    assert "at most 4" in warned(setting, batch_size=8, **asked)
    assert not warned(setting, batch_size=4, **asked)


@pytest.mark.parametrize("version", ["0.19,0.20", "2026-13", "2026-02-30", "b4000", "20260101", "2025-8"])
def test_what_is_no_release_and_no_date_is_refused(version: str) -> None:
    with pytest.raises(ArgumentError, match="engine_version"):
        calculate_memory(QWEN, hardware="H100", engine="vllm", engine_version=version)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "ollama", "lmdeploy", "tensorrt_llm", "diffusers"])
def test_a_release_beyond_all_is_counted_by_the_newest(engine: str) -> None:
    model = "black-forest-labs/FLUX.1-dev" if engine == "diffusers" else QWEN
    newest = calculate_memory(model, hardware="H100", engine=engine)
    beyond = calculate_memory(model, hardware="H100", engine=engine, engine_version="99.1")
    assert beyond.startup == newest.startup
    assert any(note.subject == "engine_version" and note.origin == "warning" for note in beyond.notes)


def test_a_date_before_the_first_release_is_warned_of() -> None:
    assert "older than all" in warned("engine_version", engine="vllm", engine_version="2020-01")


def test_a_format_that_no_flag_makes_is_said() -> None:
    assert "which no flag of vLLM asks for" in warned("kv_precision", engine="vllm", kv_precision="q8_0")
    assert "name such a repository" in warned("precision", engine="vllm", precision="int4")
    line = calculate_memory(QWEN, hardware="H100", engine="ollama", precision="bf16", kv_precision="q8_0").launch
    assert line is not None
    assert line.startswith("OLLAMA_KV_CACHE_TYPE=q8_0 ")


@pytest.mark.parametrize(
    "asked",
    [
        {"engine": "lmdeploy", "kv_precision": "int8", "engine_settings": {"quant_policy": 4}},
        {"engine": "ollama", "kv_precision": "q8_0", "engine_settings": {"kv_cache_type": "q4_0"}},
        {"engine": "llama_cpp", "kv_precision": "fp8", "engine_settings": {"ctk": "q4_0"}},
        {"engine": "vllm", "max_num_seqs": 8, "engine_settings": {"max_num_seqs": 9}},
        {"engine": "vllm", "engine_settings": {"max_num_seqs": [1]}},
    ],
)
def test_what_is_said_twice_or_is_no_value_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        calculate_memory(QWEN, hardware="H100", **asked)


def test_engines_words_for_arguments_are_pointed_to_ours() -> None:
    asked: dict[str, Any] = {"tensor_parallel_size": 2}
    with pytest.raises(TypeError, match="It is tensor_parallel here"):
        calculate_memory(QWEN, **asked)


def test_a_larger_card_never_has_less() -> None:
    margins = [
        calculate_memory(QWEN, memory_gb=size, engine="llama_cpp").device_margin_bytes
        for size in (24, 25, 32, 33, 40, 41, 48, 80, 80.5, 81, 96, 100, 141, 145, 192, 200)
    ]
    assert margins == sorted(margins, key=lambda margin: margin or 0)


def test_no_part_of_a_start_is_less_than_nothing() -> None:
    for hardware, engine in (("RTX 4090", "sglang"), ("EPYC 9654", "vllm"), ("H100", "vllm")):
        report = calculate_memory(QWEN, hardware=hardware, engine=engine, seq_length=16384)
        assert report.startup is not None
        parts = report.startup
        for interval in (parts.weights_interval, parts.non_torch_interval, parts.activation_interval):
            assert interval.low >= 0
        assert report.total_memory_interval.low >= 0


def test_a_remedy_is_offered_where_it_mends_whatever_binds_before_and_after() -> None:
    asked: dict[str, Any] = {"hardware": "RTX 4090", "engine": "vllm"}
    model, load = "Qwen/Qwen3-8B-FP8", {"seq_length": 16_384, "batch_size": 4}
    report = calculate_memory(model, **load, **asked)
    assert report.verdict != "fits"
    assert calculate_memory(model, **{**load, "seq_length": 8192}, **asked).verdict == "fits"
    assert {"length", "sequences"} <= {remedy.kind for remedy in report.remedies}


@pytest.mark.parametrize("size", [192, 200, 288])
def test_a_number_of_gb_is_a_card_with_cuda(size: int) -> None:
    assert calculate_memory(QWEN, memory_gb=size, engine="tensorrt_llm").verdict == "fits"


def test_a_mix_longer_than_the_engine_was_told_is_refused() -> None:
    with pytest.raises(ArgumentError, match="2,048"):
        max_batch_size(QWEN, "H100", engine_settings={"max_model_len": 1024}, mix={512: 0.5, 2048: 0.5})
    with pytest.raises(ArgumentError, match="is shown takes"):
        max_batch_size(
            "Qwen/Qwen2.5-VL-7B-Instruct",
            "H100",
            find="context",
            num_images=4,
            image_resolution=(1080, 1920),
            engine_settings={"max_model_len": 1024},
        )


def test_a_time_says_what_the_engine_would_refuse() -> None:
    told = {"max_model_len": 1024, "max_num_seqs": 8}
    report = estimate_performance(
        QWEN, "H100", batch_size=64, input_tokens=4000, engine="vllm", engine_settings=told, tensor_parallel=1
    )
    assert {"max_model_len", "max_num_seqs"} <= {note.subject for note in report.notes if note.origin == "warning"}


def test_one_device_that_an_engine_does_not_serve_leaves_the_others() -> None:
    report = compare_hardware(QWEN, engine="vllm", hardware=["H100", "M4 Max"])
    assert [row.hardware for row in report.rows] == ["H100_SXM"]
    assert any("Apple_M4_Max: left out" in note.text for note in report.notes)
    both = compare_hardware(QWEN, hardware=["H100", "M4 Max"])
    assert any("MLX was counted" in note.text for note in both.notes)


@pytest.mark.parametrize(("engine", "precision"), [("vllm", "nf4"), ("transformers", "int8"), ("ctranslate2", "fp32")])
def test_what_an_engine_makes_as_it_loads_needs_no_other_repository(engine: str, precision: str) -> None:
    report = calculate_memory(QWEN, hardware="H100", engine=engine, precision=precision)
    assert not [note for note in report.notes if note.subject == "precision" and "repository" in note.text]


def test_a_library_s_own_format_under_another_engine_is_warned_of() -> None:
    report = calculate_memory("mlx-community/Qwen3-8B-4bit", hardware="H100", engine="vllm")
    assert any("loaded by mlx alone" in note.text for note in report.notes)
    own = calculate_memory("mlx-community/Qwen3-8B-4bit", hardware="M4 Max")
    assert not any("alone" in note.text for note in own.notes)
