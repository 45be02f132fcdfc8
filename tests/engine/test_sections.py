"""What stands in the objects inside a config: parts that no family reads, towers by default, a model_type inside."""

from typing import Any

import pytest

from llm_memory_calculator.architecture import Architecture

from ..rows import each
from .families import described

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 100,
}  # fmt: skip
TOWER = {"hidden_size": 1024, "num_hidden_layers": 24}


def warnings(architecture: Architecture, words: str) -> dict[str, str]:
    """What is said with these words, by what it is about."""
    return {note.subject: note.text for note in architecture.notes if words in note.text}


@each(
    ("part", "path"),
    [
        ({"vision_config": TOWER}, "vision_config"),
        ({"vision_config": {"model_type": "siglip_vision_model"}}, "vision_config"),
        ({"visual": {"width": 1664, "layers": 48}}, "visual"),
        ({"audio_config": TOWER}, "audio_config"),
        ({"mm_vision_tower": {"name": "clip"}}, "mm_vision_tower"),
        ({"image_encoder": {"name": "clip"}}, "image_encoder"),
        ({"draft": {"num_layers": 2}}, "draft"),
        ({"extra": {"inner": {"d_model": 8}}}, "extra.inner"),
        ({"ssm_cfg": {"layer": "Mamba2"}}, "ssm_cfg"),
    ],
)  # fmt: skip
def test_a_part_that_the_family_does_not_read_is_named(part: dict[str, Any], path: str) -> None:
    found = described(**LLAMA, **part)
    assert list(warnings(found, "which the family llama does not read; what it describes is not counted")) == [path]
    assert found.parameter_count == described(**LLAMA).parameter_count


@each(
    "harmless",
    [
        {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
        {"rope_parameters": {"full_attention": {"rope_type": "default"}}},
        {"quantization_config": {"quant_method": "fp8"}},
        {"generation_config": {"max_length": 20, "hidden_size": 3}},
        {"task_specific_params": {"summarization": {"num_beams": 4}}},
        {"id2label": {"0": "a"}, "label2id": {"a": 0}},
        {"auto_map": {"AutoConfig": "a.B"}},
        {"sentence_transformers": {"model_args": {"dim": 8}}},
        {"training_args": {"hidden_size": 8}},
        {"vision_config": None},
        {"vision_config": {}},
    ],
)
def test_what_describes_no_part_of_the_model_is_not_named(harmless: dict[str, Any]) -> None:
    assert not warnings(described(**LLAMA, **harmless), "does not read")


def test_a_part_inside_a_section_that_is_read_is_named_by_its_path() -> None:
    found = described(model_type="mistral3", text_config={**LLAMA, "visual": TOWER}, vision_config={})
    assert list(warnings(found, "does not read")) == ["text_config.visual"]


MISTRAL = {**LLAMA, "model_type": "mistral", "num_key_value_heads": 2, "head_dim": 16}
GEMMA = {**LLAMA, "model_type": "gemma3_text", "num_key_value_heads": 2, "head_dim": 16}


@pytest.mark.parametrize(
    ("model_type", "text", "section"),
    [
        ("mistral3", MISTRAL, "vision_config"),
        ("gemma3", GEMMA, "vision_config"),
        ("llava", LLAMA, "vision_config"),
        ("llava_next", LLAMA, "vision_config"),
        ("voxtral", {**LLAMA, "num_key_value_heads": 2, "head_dim": 16}, "audio_config"),
    ],
)
def test_a_tower_of_which_the_config_says_nothing_is_said_with_its_size(
    model_type: str, text: dict[str, Any], section: str
) -> None:
    found = described(model_type=model_type, text_config=text)
    text_alone = described(**text, tie_word_embeddings=found.has_tied_head).parameter_count
    said = warnings(found, "text-only conversions have none")
    assert list(said) == [section]
    assert f" {found.parameter_count - text_alone:,} parameters" in said[section]
    assert all(layer.assumed for layer in found.towers)


def test_a_tower_that_the_config_describes_is_not_said_to_be_assumed() -> None:
    found = described(model_type="mistral3", text_config=MISTRAL, vision_config={"image_size": 1540, "patch_size": 14})
    assert not warnings(found, "default tower")
    assert not any(layer.assumed for layer in found.towers)


@pytest.mark.parametrize(
    ("facts", "family"),
    [
        (LLAMA | {"architectures": ["LlamaForCausalLM"]}, "llama"),
        (GEMMA | {"architectures": ["Gemma3ForCausalLM"]}, "gemma3_text"),
        (
            {"text_config": MISTRAL, "vision_config": {}, "architectures": ["Mistral3ForConditionalGeneration"]},
            "mistral3",
        ),
        (LLAMA | {"architectures": ["MiniMaxM2ForCausalLM"], "num_local_experts": 4, "num_experts_per_tok": 2,
                  "num_key_value_heads": 2, "head_dim": 16}, "minimax_m2"),
    ],
)  # fmt: skip
def test_a_class_says_the_family_where_no_model_type_does(facts: dict[str, Any], family: str) -> None:
    without = {name: value for name, value in facts.items() if name != "model_type"}
    found = described(**without)
    assert found.model_type == family
    assert found.parameter_count == described(**without, model_type=family).parameter_count
    assert list(warnings(found, "is named after, was taken")) == ["model_type"]


def test_a_decoder_that_stands_outside_any_section_is_read_and_not_a_default_one() -> None:
    """LLaVA 1.5 13B as its authors published it, whose embeddings are of 32,000 tokens."""
    found = described(
        model_type="llava", architectures=["LlavaLlamaForCausalLM"], hidden_size=5120, intermediate_size=13824,
        num_hidden_layers=40, num_attention_heads=40, num_key_value_heads=40, vocab_size=32000, mm_hidden_size=1024,
    )  # fmt: skip
    # llava-hf/llava-1.5-13b-hf, less its 64 tokens more
    assert found.parameter_count == 13_351_494_656 - 2 * 64 * 5120
    assert list(warnings(found, "text-only conversions have none")) == ["vision_config"]


@pytest.mark.parametrize("section", ["text_config", "llm_config", "language_config", "thinker_config"])
def test_a_model_type_inside_alone_is_read_and_said(section: str) -> None:
    found = described(**{section: LLAMA, "vision_config": TOWER})
    assert found.parameter_count == described(**LLAMA).parameter_count
    assert list(warnings(found, f"that of {section}, 'llama', was taken")) == ["model_type"]
    assert list(warnings(found, "does not read")) == ["vision_config"]
