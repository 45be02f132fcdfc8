"""Every fault of the older calculator that its study measured, against the right value."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    CalculatorError,
    UniversalParameterCounter,
    calculate_memory,
    estimate_max_batch_size,
    load_model,
    max_batch_size,
)

from ..rows import each

GB, GIB = 10**9, 2**30

# Parameters of published checkpoints: Hugging Face's safetensors headers, and what transformers builds of the config.
PARAMETERS = {
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "meta-llama/Llama-3.1-70B": 70_553_706_496,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "mistralai/Mixtral-8x7B-v0.1": 46_702_792_704,
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "Qwen/Qwen3-235B-A22B": 235_093_634_560,
    "Qwen/Qwen3-8B": 8_190_735_360,
    # without the 14,848 values of the routers' corrections, which are buffers; the study's figure counts them
    "deepseek-ai/DeepSeek-V3": 671_026_404_352,
    "deepseek-ai/DeepSeek-V2-Lite": 15_706_484_224,
    "google/gemma-2-9b": 9_241_705_984,
    "google/gemma-3-1b-it": 999_885_952,
    "google/gemma-3-27b-it": 27_432_406_640,
    # the head is tied in the published config; the study's 7,217,189,760 counts it twice
    "tiiuae/falcon-7b": 6_921_720_704,
    "openai-community/gpt2": 124_439_808,
    "EleutherAI/gpt-j-6b": 6_050_882_784,
    "facebook/opt-6.7b": 6_658_473_984,
    "google-t5/t5-base": 222_903_552,
    "BAAI/bge-base-en-v1.5": 109_482_240,  # BERT-base with its pooler
    "openai/whisper-large-v3": 1_543_490_560,
    "state-spaces/mamba-2.8b-hf": 2_768_345_600,
    "ai21labs/Jamba-v0.1": 51_570_323_328,
    "openai/gpt-oss-20b": 20_914_757_184,
    "microsoft/Phi-3-mini-4k-instruct": 3_821_079_552,
    "meta-llama/Llama-4-Scout-17B-16E": 108_641_793_536,
    "openai/clip-vit-large-patch14": 427_616_513,
    "llava-hf/llava-1.5-7b-hf": 7_063_427_072,
    "RWKV/rwkv-4-169m-pile": 169_342_464,
}


@each(("model", "parameters"), PARAMETERS.items())
def test_the_parameters_of_published_models(model: str, parameters: int) -> None:
    assert load_model(model).architecture.parameter_count == parameters


# Bytes of the cache, bf16: (model, sequences, tokens, bytes, where the figure is from)
CACHES = [
    ("deepseek-ai/DeepSeek-V3", 163_840, 61 * 576 * 2 * 163_840),
    ("Qwen/Qwen3-30B-A3B", 4_096, 48 * 2 * 4 * 128 * 2 * 4_096),
    ("Qwen/Qwen3-235B-A22B", 4_096, 94 * 2 * 4 * 128 * 2 * 4_096),
    ("google/gemma-2-9b", 8_192, 21 * (4_096 + 8_192) * 8_192),
    ("google/gemma-3-27b-it", 131_072, 52 * 1_024 * 8_192 + 10 * 131_072 * 8_192),
    ("google/gemma-3-1b-it", 4_096, (22 * 512 + 4 * 4_096) * 2 * 256 * 2),
    ("tiiuae/falcon-7b", 2_048, 32 * 2 * 64 * 2 * 2_048),
    ("ai21labs/Jamba-v0.1", 4_096, 4 * 2 * 8 * 128 * 2 * 4_096),
    ("google-bert/bert-base-uncased", 512, 0),
    ("state-spaces/mamba-2.8b-hf", 4_096, 0),
]


@each(("model", "tokens", "size"), CACHES)
def test_the_cache_by_each_model_s_own_heads_windows_and_latents(model: str, tokens: int, size: int) -> None:
    assert calculate_memory(model, seq_length=tokens, precision="bf16").kv_cache_bytes == size


def test_the_published_figures_of_long_caches() -> None:
    # unsloth's pull request 4757 measured 10.41 GiB for Gemma-3-27B at 128k; DeepSeek-V3's paper gives 576 values
    gemma = calculate_memory("google/gemma-3-27b-it", seq_length=131_072, precision="bf16")
    assert gemma.kv_cache_bytes / GIB == pytest.approx(10.41, abs=0.01)
    deepseek = calculate_memory("deepseek-ai/DeepSeek-V3", seq_length=163_840)
    assert deepseek.kv_cache_bytes / GB == pytest.approx(11.51, abs=0.01)


def test_a_latent_cache_is_whole_on_every_tensor_parallel_rank() -> None:
    alone = calculate_memory("deepseek-ai/DeepSeek-V3", seq_length=163_840)
    shared = calculate_memory("deepseek-ai/DeepSeek-V3", seq_length=163_840, tensor_parallel=8)
    assert shared.kv_cache_bytes == alone.kv_cache_bytes


def test_the_state_of_recurrent_layers_counts_the_convolution_s_window() -> None:
    # 64 layers, 5,120 channels: 16 values of state in float32 and a window of 4 in bf16
    mamba = calculate_memory("state-spaces/mamba-2.8b-hf", precision="bf16")
    assert mamba.state_memory_bytes == 64 * 5_120 * (16 * 4 + 4 * 2)
    jamba = calculate_memory("ai21labs/Jamba-v0.1", precision="bf16")
    assert jamba.state_memory_bytes == 28 * 8_192 * (16 * 4 + 4 * 2)


def test_whisper_caches_self_and_cross_attention_and_nothing_for_its_encoder() -> None:
    report = calculate_memory("openai/whisper-large-v3", seq_length=448, precision="fp16")
    own, cross = 2 * 32 * 1_280 * 448 * 2, 2 * 32 * 1_280 * 1_500 * 2
    assert report.kv_cache_bytes == own + cross
    assert report.kv_cache_gb == pytest.approx(0.319, abs=0.001)


def test_a_quantised_checkpoint_is_counted_as_it_is_stored() -> None:
    config = dict(load_model("meta-llama/Llama-2-7b-hf").config.values)
    awq = config | {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}}
    assert calculate_memory(awq).weight_memory_gb == pytest.approx(3.9, abs=0.05)
    # 671 GB of main model; the layer for multi-token prediction is named and not counted
    fp8 = calculate_memory("deepseek-ai/DeepSeek-V3")
    assert fp8.weight_memory_gb == pytest.approx(672.5, abs=2)
    assert any("multi-token prediction" in note.text for note in fp8.notes)


def test_a_gguf_mix_has_its_own_bits_and_a_made_up_one_is_an_error() -> None:
    report = calculate_memory("meta-llama/Llama-2-7b-hf", precision="q4_k_m")
    assert report.weight_memory_gb == pytest.approx(4.08, rel=0.005)
    with pytest.raises(CalculatorError, match="not known"):
        calculate_memory("meta-llama/Llama-2-7b-hf", precision="q4_k_x")


def test_the_cache_keeps_16_bits_whatever_the_weights_are() -> None:
    report = calculate_memory("meta-llama/Llama-2-7b-hf", seq_length=4_096, precision="int8")
    assert report.kv_cache_gb == pytest.approx(2.147, abs=0.001)


def test_kv_heads_fewer_than_ranks_are_replicated() -> None:
    whole = calculate_memory("meta-llama/Llama-3.1-70B", seq_length=4_096).kv_cache_bytes
    assert (
        calculate_memory("meta-llama/Llama-3.1-70B", seq_length=4_096, tensor_parallel=16).kv_cache_bytes == whole // 8
    )


def test_activations_are_those_of_a_chunk_and_are_shared_and_steady() -> None:
    report = calculate_memory("meta-llama/Llama-3.1-70B", batch_size=32, seq_length=32_768)
    assert report.activation_memory_gb < 5
    assert report.kv_cache_gb == pytest.approx(343.6, abs=0.1)
    short, longer = (
        calculate_memory("meta-llama/Llama-2-7b-hf", seq_length=tokens).activation_memory_bytes
        for tokens in (8_192, 8_193)
    )
    assert longer <= 1.01 * short
    sharded = calculate_memory("meta-llama/Llama-3.1-70B", seq_length=131_072, tensor_parallel=8)
    assert sharded.activation_memory_gb < 3


def test_what_does_not_fit_is_a_batch_of_none() -> None:
    for memory in (80, 1):
        limit = estimate_max_batch_size("meta-llama/Llama-3.1-70B", memory)
        assert limit == 0
        assert "needs" in limit.reason


LORA = {"max_loras": 4, "max_lora_rank": 16}


@pytest.mark.parametrize(
    ("targets", "values"),
    [
        # rank x (inputs + outputs) of each projection, 32 layers
        (["q_proj", "v_proj"], 16 * 2 * (4_096 + 4_096) * 32),
        (["gate_proj", "up_proj", "down_proj"], 16 * 3 * (4_096 + 11_008) * 32),
    ],
)
def test_adapters_have_the_shapes_of_the_projections_they_change(targets: list[str], values: int) -> None:
    report = calculate_memory("meta-llama/Llama-2-7b-hf", target_modules=targets, precision="fp16", **LORA)
    assert report.lora_adapter_memory_bytes == 4 * values * 2


def test_adapters_are_exact_in_the_range_of_the_total() -> None:
    many: dict[str, Any] = {"max_loras": 200, "max_lora_rank": 256}
    plain = calculate_memory("meta-llama/Llama-2-7b-hf").total_memory_interval
    report = calculate_memory("meta-llama/Llama-2-7b-hf", **many)
    assert report.total_memory_interval.low == plain.low + report.lora_adapter_memory_bytes
    assert report.total_memory_interval.high == plain.high + report.lora_adapter_memory_bytes


def test_grouped_heads_make_smaller_adapters() -> None:
    # Llama-3-8B has 1,024 outputs of v_proj where a square one would have 4,096
    report = calculate_memory("meta-llama/Meta-Llama-3-8B", target_modules=["v_proj"], precision="bf16", **LORA)
    assert report.lora_adapter_memory_bytes == 4 * 16 * (4_096 + 1_024) * 32 * 2


def test_an_adapter_of_a_projection_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"'q_project'.*Did you mean 'q_proj'"):
        calculate_memory("meta-llama/Llama-2-7b-hf", target_modules=["q_project"], **LORA)


def test_adapters_of_an_encoder_decoder_change_both_sides() -> None:
    # PEFT prints 15,728,640 trainable parameters for Whisper large at rank 32 of q_proj and v_proj
    lora: dict[str, Any] = {"max_loras": 1, "max_lora_rank": 32, "target_modules": ["q_proj", "v_proj"]}
    report = calculate_memory("openai/whisper-large-v3", precision="fp16", **lora)
    assert report.lora_adapter_memory_bytes == 15_728_640 * 2


def test_targets_may_be_one_word_and_a_rank_of_none_is_refused() -> None:
    model, lora = "meta-llama/Llama-2-7b-hf", {"max_loras": 1, "max_lora_rank": 8}
    one = calculate_memory(model, target_modules="q_proj", **lora).lora_adapter_memory_bytes
    assert one == calculate_memory(model, target_modules=["q_proj"], **lora).lora_adapter_memory_bytes
    every = calculate_memory(model, target_modules="all-linear", **lora)
    assert not [note for note in every.notes if note.subject == "target_modules"]
    with pytest.raises(ArgumentError, match="max_lora_rank"):
        calculate_memory(model, max_loras=1, max_lora_rank=0)


def test_merged_adapters_take_no_room_beside_the_weights() -> None:
    report = calculate_memory("meta-llama/Llama-2-7b-hf", lora_config={"rank": 64, "strategy": "merge"})
    assert report.lora_adapter_memory_bytes == 0


def test_fully_sharded_adapters_leave_each_rank_its_share() -> None:
    arguments: dict[str, Any] = {"tensor_parallel": 4, "target_modules": ["q_proj"], **LORA}
    whole = calculate_memory(
        "meta-llama/Llama-2-7b-hf", fully_sharded_loras=True, **(arguments | {"tensor_parallel": 1})
    )
    shared = calculate_memory("meta-llama/Llama-2-7b-hf", fully_sharded_loras=True, **arguments)
    assert 4 * shared.lora_adapter_memory_bytes == whole.lora_adapter_memory_bytes
    replicated = calculate_memory("meta-llama/Llama-2-7b-hf", **arguments)
    # A is 16 x 4,096 on every rank, B 16 x 4,096 / 4
    assert replicated.lora_adapter_memory_bytes == 4 * 16 * (4_096 + 1_024) * 32 * 2


@pytest.mark.parametrize("batch", [-1, 0])
def test_a_batch_of_none_is_an_error(batch: int) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        calculate_memory("meta-llama/Llama-2-7b-hf", batch_size=batch)


def test_an_empty_config_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        calculate_memory({})


def test_where_it_fits_is_devices_and_a_count() -> None:
    found = calculate_memory("meta-llama/Llama-3.1-70B", precision="bf16").fits
    fits = {fit.hardware: fit.borderline_devices or fit.devices for fit in found}
    assert fits["H100_SXM"] == 2
    assert fits["MI300X"] == 1


SAMPLE = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 11_008,
    "vocab_size": 32_000,
}


def test_a_config_without_a_family_is_counted_as_a_gated_decoder_and_says_so() -> None:
    # 32 x (2 x 4096^2 + 2 x 4096 x 1024 + 3 x 4096 x 11008 + 2 x 4096) + 2 x 32000 x 4096 + 4096
    assert UniversalParameterCounter().count_parameters(SAMPLE) == 5_933_109_248
    warnings = [note.text for note in calculate_memory(SAMPLE).notes if note.origin == "warning"]
    assert any("gated feed-forwards" in text for text in warnings)


def test_a_large_batch_s_limit_is_the_memory_and_not_a_search_bound() -> None:
    assert max_batch_size("openai-community/gpt2", hardware="H100", seq_length=16).max_batch_size > 1_024
