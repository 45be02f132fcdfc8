"""Parameter counts against published ones."""

import pytest

from llm_memory_calculator import UniversalParameterCounter, inspect_model, load_model
from llm_memory_calculator.sources import catalogue_entries

from ..rows import each

# Totals of the published checkpoints (safetensors index or model card), tied weights once.
PUBLISHED = {
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "meta-llama/Llama-3.1-70B": 70_553_706_496,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "mistralai/Mixtral-8x7B-v0.1": 46_702_792_704,
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "Qwen/Qwen3-235B-A22B": 235_093_634_560,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "deepseek-ai/DeepSeek-V2-Lite": 15_706_484_224,
    "google/gemma-2-9b": 9_241_705_984,
    "google/gemma-3-1b-pt": 999_885_952,
    "openai-community/gpt2": 124_439_808,
    "openai/gpt-oss-20b": 20_914_757_184,
    "microsoft/Phi-3-mini-4k-instruct": 3_821_079_552,
}
# Parameters that one token multiplies, by the model cards (A3B, A22B, 12.9B, 37B, 5.1B) and counted to the last one.
ACTIVE = {
    "mistralai/Mixtral-8x7B-v0.1": 12_879_925_248,
    "Qwen/Qwen3-30B-A3B": 3_353_032_704,
    "Qwen/Qwen3-235B-A22B": 22_190_763_520,
    "deepseek-ai/DeepSeek-V3": 37_552_282_624,
    "openai/gpt-oss-120b": 5_711_982_912,
}


@each(("model", "parameters"), PUBLISHED.items())
def test_count_is_the_published_one(model: str, parameters: int) -> None:
    assert inspect_model(model).parameter_count == parameters


@pytest.mark.parametrize(("model", "active"), ACTIVE.items())
def test_active_count_leaves_out_the_experts_that_a_token_does_not_pick(model: str, active: int) -> None:
    assert inspect_model(model).active_parameter_count == active


def test_every_catalogue_entry_has_its_published_count() -> None:
    published = {model: entry["parameters"] for model, entry in catalogue_entries().items()}
    assert {model: load_model(model).architecture.parameter_count for model in published} == published


def test_deepseek_v3_counts_its_router_corrections_as_buffers() -> None:
    # 671,026,419,200 values are stored outside the layers for multi-token prediction; 58 x 256 of them are buffers
    assert inspect_model("deepseek-ai/DeepSeek-V3").parameter_count == 671_026_419_200 - 58 * 256


def test_falcon_7b_counts_its_tied_head_once() -> None:
    # 7,217,189,760 is what one gets by counting the head apart
    counter, config = UniversalParameterCounter(), dict(load_model("tiiuae/falcon-7b").config.values)
    head = 65_024 * 4_544
    assert counter.count_parameters(config) == 7_217_189_760 - head
    assert counter.count_parameters(config, respect_weight_tying=False) == 7_217_189_760


def test_llama_without_rope_theta_has_no_position_table() -> None:
    config = dict(load_model("meta-llama/Llama-2-7b-hf").config.values)
    config.pop("rope_theta", None)
    assert UniversalParameterCounter().count_parameters(config) == 6_738_415_616


def test_multi_token_prediction_layers_are_named_and_not_counted() -> None:
    notes = inspect_model("deepseek-ai/DeepSeek-V3").notes
    assert any(note.subject == "num_nextn_predict_layers" for note in notes)
