"""The class that a decoder's config names decides its head. Counts: transformers 5.24 on the meta device."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import UnsupportedModelError, calculate_memory, load_model

from ..rows import each

SMALL: dict[str, Any] = {
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 512,
    "vocab_size": 1000,
}


def parameters(model_type: str, name: str, **more: Any) -> int:
    config = {**SMALL, "model_type": model_type, "architectures": [name], **more}
    return load_model(config).architecture.parameter_count


@each(
    ("model_type", "name", "count"),
    [
        ("mistral", "MistralForCausalLM", 1_692_928),
        ("mistral", "MistralModel", 1_436_928),
        ("mistral", "MistralForSequenceClassification", 1_437_440),
        ("mistral", "MistralForTokenClassification", 1_437_442),
        ("llama", "LlamaForQuestionAnswering", 1_437_442),
        ("qwen3", "Qwen3Model", 1_830_656),
        ("qwen2", "Qwen2ForSequenceClassification", 1_438_464),
        # the table is the head: without one nothing is stored less
        ("gemma2", "Gemma2ForCausalLM", 2_617_600),
        ("gemma2", "Gemma2Model", 2_617_600),
        ("gemma2", "Gemma2ForSequenceClassification", 2_618_112),
    ],
)
def test_a_decoder_without_its_head_or_with_a_classifier(model_type: str, name: str, count: int) -> None:
    assert parameters(model_type, name) == count


def test_a_classifier_has_the_labels_of_the_config() -> None:
    labels = {"0": "a", "1": "b", "2": "c"}
    assert parameters("llama", "LlamaForSequenceClassification", id2label=labels) == 1_437_696


def test_a_published_embedder_made_of_a_decoder() -> None:
    # intfloat/e5-mistral-7b-instruct: 7,110,660,096 in its safetensors header
    config = dict(load_model("mistralai/Mistral-7B-v0.1").config.values) | {"architectures": ["MistralModel"]}
    report = calculate_memory(config)
    assert report.parameter_count == 7_110_660_096
    assert any("generates no tokens" in note.text for note in report.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["LlamaForCausalLMEagle3"], "draft_vocab_size": 300}, "speculative decoding"),
        ({"architectures": ["LlamaForCausalLM"], "draft_vocab_size": 300}, "speculative decoding"),
        ({"architectures": ["LlamaForRewardModel"]}, "'LlamaForRewardModel', whose head is not described"),
        (
            {"model_type": "", "peft_type": "LORA", "base_model_name_or_path": "x/y"},
            "adapter, not of a model: give x/y",
        ),
        ({"model_type": "rembert", "architectures": ["RemBertForMaskedLM"]}, "the class RemBertForMaskedLM"),
        ({"model_type": "new_moe", "moe_num_experts": 8}, "moe_num_experts"),
    ],
)
def test_what_has_another_shape_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        load_model({**SMALL, "model_type": "llama", **changes})


def test_fields_as_transformers_saves_them_again() -> None:
    config = dict(load_model("Qwen/Qwen3-VL-30B-A3B-Instruct").config.values)
    text = dict(config["text_config"])
    text["num_local_experts"] = text.pop("num_experts")
    assert load_model({**config, "text_config": text}).architecture.parameter_count == 31_070_754_032


@pytest.mark.parametrize(
    ("model_type", "count"),
    # the counts of the text models without a head, and 256,000 values of the head
    [("qwen2_5_vl_text", 1_437_952), ("qwen3_vl_text", 1_830_656), ("glm4v_text", 1_438_976)],
)
def test_a_decoder_taken_out_of_its_multimodal_model(model_type: str, count: int) -> None:
    assert load_model({**SMALL, "model_type": model_type}).architecture.parameter_count == count + 256_000
