"""The original's classes and the questions over one model or several."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    ConfigError,
    HuggingFaceConfigLoader,
    ModelMemoryCalculator,
    UniversalParameterCounter,
    analyze_attention_efficiency,
    analyze_hf_model,
    calculate_memory,
    compare_models,
    load_model,
)

from ..rows import each

CALCULATOR = ModelMemoryCalculator()


def config(model: str) -> dict[str, Any]:
    return dict(load_model(model).config.values)


@each(
    ("model", "kind", "attention"),
    [
        ("meta-llama/Llama-2-7b-hf", "decoder-only", "mha"),
        ("mistralai/Mistral-7B-v0.1", "decoder-only", "gqa"),
        ("tiiuae/falcon-7b", "decoder-only", "mqa"),
        ("deepseek-ai/DeepSeek-V3", "decoder-only", "mla"),
        ("google-bert/bert-base-uncased", "encoder-only", "mha"),
        ("google-t5/t5-base", "encoder-decoder", "mha"),
        ("openai/whisper-large-v3", "encoder-decoder", "mha"),
        ("state-spaces/mamba-2.8b-hf", "state-space", "none"),
        ("ai21labs/Jamba-v0.1", "hybrid", "gqa"),
        ("google/gemma-3-4b-it", "multimodal", "gqa"),
    ],
)
def test_the_kind_of_a_model_and_of_its_attention(model: str, kind: str, attention: str) -> None:
    assert CALCULATOR.detect_model_type(config(model)) == kind
    assert CALCULATOR.detect_attention_type(config(model)) == attention


def test_each_part_is_that_of_the_whole_report() -> None:
    jamba = config("ai21labs/Jamba-v0.1")
    report = calculate_memory(jamba, batch_size=3, seq_length=5_000)
    assert CALCULATOR.calculate_model_weights(jamba) == (report.parameter_count, report.weight_memory_gb)
    assert CALCULATOR.calculate_kv_cache(jamba, 3, 5_000) == report.kv_cache_gb
    assert CALCULATOR.calculate_state_memory(jamba, 3) == report.state_memory_gb
    assert CALCULATOR.calculate_activation_memory(jamba, 3, 5_000) == report.activation_memory_gb
    assert CALCULATOR.calculate_total_memory(jamba, 3, 5_000) == report


def test_an_encoder_decoder_s_parts() -> None:
    whisper = config("openai/whisper-large-v3")
    own, cross = 2 * 32 * 1_280 * 448 * 2, 2 * 32 * 1_280 * 1_500 * 2
    assert CALCULATOR.calculate_decoder_kv_cache(whisper, 1, 448) == pytest.approx(own / 1e9)
    assert CALCULATOR.calculate_cross_attention_kv_cache(whisper) == pytest.approx(cross / 1e9)
    assert CALCULATOR.calculate_encoder_kv_cache(whisper) == 0
    parts = CALCULATOR.calculate_encoder_params(whisper) + CALCULATOR.calculate_decoder_params(whisper)
    assert parts == UniversalParameterCounter().count_parameters(whisper)
    # transformers' WhisperEncoder of this size has 636,784,640 parameters and 1,920,000 fixed positions beside
    assert CALCULATOR.calculate_encoder_params(whisper) == pytest.approx(637e6, rel=0.01)


def test_a_tower_and_its_projector_are_counted_apart() -> None:
    gemma = config("google/gemma-3-4b-it")
    # SigLIP So400m/14 at 896 pixels has 416,866,032; a matrix of 1,152 x 2,560 and a norm of 1,152 project it
    assert CALCULATOR.calculate_encoder_params(gemma) == 416_866_032
    assert CALCULATOR.calculate_projector_params(gemma) == 1_152 * 2_560 + 1_152
    whole = CALCULATOR.calculate_decoder_params(gemma) + 416_866_032 + 1_152 * 2_560 + 1_152
    assert whole == UniversalParameterCounter().count_parameters(gemma)


def test_sound_before_it_reaches_the_encoder() -> None:
    # 128 bands x 3,000 frames in float32
    assert CALCULATOR.calculate_audio_input_memory() == pytest.approx(128 * 3_000 * 4 / 1e9)
    # two convolutions of 1,280 channels in 16 bits
    convolved = 2 * 3_000 * 1_280 * 2 / 1e9
    assert CALCULATOR.calculate_audio_conv_memory(config("openai/whisper-large-v3")) == pytest.approx(convolved)


def test_adapters_by_a_configuration() -> None:
    lora = {"max_loras": 4, "max_lora_rank": 16, "target_modules": ["q_proj", "v_proj"]}
    found = CALCULATOR.calculate_lora_adapter_memory(config("meta-llama/Llama-2-7b-hf"), lora, precision="fp16")
    assert found == pytest.approx(0.067, abs=0.001)


def test_the_bytes_of_formats_count_their_scales() -> None:
    assert CALCULATOR.PRECISION_BYTES["bf16"] == 2
    assert CALCULATOR.PRECISION_BYTES["q8_0"] == 34 / 32
    assert CALCULATOR.PRECISION_BYTES["mxfp4"] == 17 / 32


def test_a_model_analysed() -> None:
    found = analyze_hf_model("Qwen/Qwen3-8B", seq_length=4_096, batch_size=2, precision="bf16")
    assert list(found) == ["model_id", "model_type", "attention_type", "parameter_count", "memory_report", "config"]
    assert found["parameter_count"] == 8_190_735_360
    assert found["memory_report"] == calculate_memory("Qwen/Qwen3-8B", 2, 4_096, precision="bf16")
    assert found["config"]["num_hidden_layers"] == 36


def test_models_compared_in_their_order_with_errors_named() -> None:
    found = compare_models(["Qwen/Qwen3-8B", "no such model", "openai-community/gpt2"], seq_length=512)
    assert [entry["model_id"] for entry in found] == ["Qwen/Qwen3-8B", "no such model", "openai-community/gpt2"]
    assert set(found[1]) == {"model_id", "error"}
    assert "no such model" in found[1]["error"]
    with pytest.raises(ArgumentError, match="model_ids"):
        compare_models("Qwen/Qwen3-8B")


def test_the_loader_reads_the_catalogue_without_the_hub() -> None:
    loader = HuggingFaceConfigLoader()
    assert "num_parameters" not in loader.fetch_model_config("openai-community/gpt2")
    assert loader.get_model_config("openai-community/gpt2")["num_parameters"] == 124_439_808
    # the head counted apart from the table of 50,257 x 768
    untied = loader.get_model_config("openai-community/gpt2", respect_weight_tying=False)
    assert untied["num_parameters"] == 124_439_808 + 50_257 * 768
    assert loader.analyze_model("openai-community/gpt2")["parameter_count"] == 124_439_808
    assert [entry["parameter_count"] for entry in loader.compare_models(["openai-community/gpt2"])] == [124_439_808]


def test_attention_s_efficiency_over_lengths() -> None:
    found = analyze_attention_efficiency("meta-llama/Llama-2-7b-hf", [1_024, 4_096], precision="fp16")
    assert found["attention_type"] == "MHA"
    assert found["memory_per_token_bytes"] == 524_288  # 2 x 32 layers x 4,096 x 2 bytes
    assert found["results"][4_096]["kv_cache_gb"] == pytest.approx(4 * found["results"][1_024]["kv_cache_gb"])
    assert found["efficiency_rating"] == "moderate"


@pytest.mark.parametrize(
    ("model", "rating"),
    [
        ("mistralai/Mistral-7B-v0.3", "good"),
        ("Qwen/Qwen2.5-7B", "excellent"),
        ("google/gemma-3-27b-it", "excellent"),
        ("deepseek-ai/DeepSeek-V3", "excellent"),
        ("state-spaces/mamba-2.8b-hf", "unknown"),
    ],
)
def test_grouped_heads_windows_and_latents_are_rated_by_what_they_cache(model: str, rating: str) -> None:
    assert analyze_attention_efficiency(model)["efficiency_rating"] == rating


def test_lengths_that_are_none_are_refused() -> None:
    with pytest.raises(ArgumentError, match="seq_lengths"):
        analyze_attention_efficiency("Qwen/Qwen3-8B", [])
    with pytest.raises(ConfigError, match="empty"):
        analyze_attention_efficiency({})
